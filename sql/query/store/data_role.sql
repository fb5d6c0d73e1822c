-- Whether the role of a name is the one that a template made for a node, NULL when there is none; and whether there is no data group of the name but
-- the one that the template made for the node.
SELECT (
           SELECT coalesce(d.kind = 'data' AND (r.template, r.node) = ($2, $3), false)
             FROM vpd_private.authority a
             LEFT JOIN vpd_private.role_detail d ON d.role_id = a.id
             LEFT JOIN vpd_private.data_role r ON r.role_id = a.id
            WHERE a.kind = 'role'
              AND a.name = $1
              AND a.dropped_at IS NULL
       ),
       NOT EXISTS (
           SELECT
             FROM vpd_private.authority g
            WHERE g.kind = 'data_group'
              AND g.name = $1
              AND g.dropped_at IS NULL
              AND NOT EXISTS (
                      SELECT
                        FROM vpd_private.data_role r
                       WHERE r.data_group_id = g.id
                         AND (r.template, r.node) = ($2, $3)
                  )
       );
