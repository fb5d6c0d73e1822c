-- The managers above a user, the nearest first; a circle is followed once.
WITH RECURSIVE line (level, id, seen) AS (
    SELECT 0, a.id, ARRAY[a.id]
      FROM vpd_private.authority a
     WHERE a.kind = 'user'
       AND a.name = $1
       AND a.dropped_at IS NULL
    UNION ALL
    SELECT line.level + 1, m.manager_id, line.seen || m.manager_id
      FROM line
     CROSS JOIN LATERAL (
           SELECT u.manager_id
             FROM vpd_private.user_account u
             JOIN vpd_private.identity_source s ON s.name = u.source
            WHERE u.user_id = line.id
              AND u.manager_id IS NOT NULL
            ORDER BY s.precedence
            LIMIT 1
       ) m
     WHERE line.level < 1000
       AND (line.level = 0 OR line.id <> line.seen[1])
       AND NOT m.manager_id = ANY (line.seen[2:])
)
SELECT line.level, a.name
  FROM line
  JOIN vpd_private.authority a ON a.id = line.id
 WHERE line.level > 0
   AND a.dropped_at IS NULL
 ORDER BY line.level;
