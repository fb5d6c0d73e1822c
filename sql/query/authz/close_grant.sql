-- Makes room from $3 (NULL: now, and whatever began before) until $4 (NULL: for good): what holds, or will, before that ends there, what would begin
-- within it goes. A grant that begins at $3 is the one that the room is made for.
WITH moment AS MATERIALIZED (
    -- The clock is read once: a microsecond between two looks would make a revoked grant one that ran out.
    SELECT clock.now, greatest($3::timestamptz, clock.now) AS ends_at, coalesce($4::timestamptz, 'infinity') AS valid_until
      FROM (SELECT clock_timestamp() AS now) clock
), begun AS (
    UPDATE vpd_private.authority_grant g
       SET valid_until = moment.ends_at,
           revoked_by = CASE WHEN moment.ends_at > moment.now THEN g.revoked_by ELSE $5 END
      FROM moment
     WHERE g.holder_id = $1
       AND g.granted_id = $2
       AND g.valid_from IS DISTINCT FROM $3
       AND g.valid_from < moment.ends_at
       AND g.valid_until > moment.ends_at
       AND g.valid_from < moment.valid_until
)
DELETE FROM vpd_private.authority_grant g
 USING moment
 WHERE g.holder_id = $1
   AND g.granted_id = $2
   AND g.valid_from IS DISTINCT FROM $3
   AND g.valid_from >= moment.ends_at
   AND g.valid_from < moment.valid_until;
