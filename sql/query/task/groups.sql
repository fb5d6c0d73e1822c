-- The groups that a user is in now, directly or by another group.
WITH RECURSIVE held (id) AS (
    SELECT a.id
      FROM vpd_private.authority a
     WHERE a.kind = 'user'
       AND a.name = $1
       AND a.dropped_at IS NULL
       AND a.is_enabled
    UNION
    SELECT g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.id
       AND g.valid_from <= clock_timestamp()
       AND clock_timestamp() < g.valid_until
      JOIN vpd_private.authority a ON a.id = g.granted_id
     WHERE a.kind = 'group'
       AND a.dropped_at IS NULL
       AND a.is_enabled
)
SELECT a.name FROM held h JOIN vpd_private.authority a ON a.id = h.id WHERE a.kind = 'group';
