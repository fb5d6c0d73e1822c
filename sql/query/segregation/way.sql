-- What stands on a way from a user to one of some nodes, now or later: kind and name; the user himself among them.
-- $1 the user, $2 the nodes.
WITH RECURSIVE held (id) AS (
    SELECT $1::integer
    UNION
    SELECT g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.id
       AND g.valid_until > clock_timestamp()
), edge AS MATERIALIZED (
    SELECT g.holder_id, g.granted_id
      FROM held h
      JOIN vpd_private.authority_grant g
        ON g.holder_id = h.id
       AND g.valid_until > clock_timestamp()
), step (id) AS (
    SELECT h.id
      FROM held h
     WHERE h.id = ANY ($2::integer[])
    UNION
    SELECT e.holder_id
      FROM step s
      JOIN edge e ON e.granted_id = s.id
)
SELECT a.kind, a.name
  FROM step s
  JOIN vpd_private.authority a ON a.id = s.id;
