-- As for a single grant: makes room from one time until another. Times are microseconds since 2000; the largest stands for good, the smallest for ever.
WITH span AS MATERIALIZED (
    SELECT w.holder_id,
           w.granted_id,
           t.valid_from,
           t.valid_until,
           clock_timestamp() AS now,
           greatest(t.valid_from, clock_timestamp()) AS ends_at
      FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::bigint[]) AS w (holder_id, granted_id, first, last)
     CROSS JOIN LATERAL (
           SELECT CASE WHEN w.first = -9223372036854775808 THEN '-infinity'::timestamptz
                       ELSE '2000-01-01 00:00:00+00'::timestamptz + w.first * interval '1 microsecond' END AS valid_from,
                  CASE WHEN w.last = 9223372036854775807 THEN 'infinity'::timestamptz
                       ELSE '2000-01-01 00:00:00+00'::timestamptz + w.last * interval '1 microsecond' END AS valid_until
           ) t
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
