-- Whether whoever has $1 has $2 at some moment from now on, or from $3 when that is earlier.
WITH RECURSIVE held (id) AS (
    SELECT $1::integer
    UNION
    SELECT g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g ON g.holder_id = h.id AND g.valid_until > least(clock_timestamp(), $3::timestamptz)
)
SELECT true FROM held WHERE id = $2;
