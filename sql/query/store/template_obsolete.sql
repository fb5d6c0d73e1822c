-- Roles of a template whose node is no longer on its level.
SELECT a.name,
       r.node
  FROM vpd_private.data_role r
  JOIN vpd_private.authority a ON a.id = r.role_id AND a.dropped_at IS NULL
 WHERE r.template = $1
   AND NOT EXISTS (
           SELECT
             FROM vpd_private.hierarchy_node n
             JOIN vpd_private.hierarchy_level l ON l.hierarchy = n.hierarchy AND l.depth = n.depth
            WHERE n.hierarchy = $2
              AND l.name = $3
              AND n.key = r.node
       )
 ORDER BY a.name COLLATE "C";
