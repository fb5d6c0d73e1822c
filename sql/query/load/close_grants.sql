-- As for a single grant: makes room from one time until another.
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), span AS MATERIALIZED (
    SELECT w.*,
           clock.now,
           greatest(w.valid_from, clock.now) AS ends_at
      FROM clock
     CROSS JOIN unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::timestamptz[]) AS w (holder_id, granted_id, valid_from, valid_until)
), begun AS (
    UPDATE vpd_private.authority_grant g
       SET valid_until = s.ends_at,
           revoked_by = CASE WHEN s.ends_at > s.now THEN g.revoked_by ELSE $5 END
      FROM span s
     WHERE g.holder_id = s.holder_id
       AND g.granted_id = s.granted_id
       AND g.valid_from <> s.valid_from
       AND g.valid_from < s.ends_at
       AND g.valid_until > s.ends_at
       AND g.valid_from < s.valid_until
)
DELETE FROM vpd_private.authority_grant g
 USING span s
 WHERE g.holder_id = s.holder_id
   AND g.granted_id = s.granted_id
   AND g.valid_from <> s.valid_from
   AND g.valid_from >= s.ends_at
   AND g.valid_from < s.valid_until;
