-- Whether whoever has $1 has $2, now or later.
WITH RECURSIVE held (id) AS (
    SELECT $1
    UNION
    SELECT g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g ON g.holder_id = h.id AND g.valid_until > clock_timestamp()
)
SELECT true FROM held WHERE id = $2;
