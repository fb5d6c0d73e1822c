-- A template, and whether something that it has given is still there.
SELECT t.base_role,
       t.hierarchy,
       t.level,
       t.name_pattern,
       EXISTS (
           SELECT
             FROM vpd_private.data_role r
            WHERE r.template = t.name
              AND (
                  EXISTS (SELECT FROM vpd_private.authority a WHERE a.id = r.role_id AND a.dropped_at IS NULL)
                  OR EXISTS (SELECT FROM vpd_private.authority a WHERE a.id = r.data_group_id AND a.dropped_at IS NULL)
              )
       )
  FROM vpd_private.data_role_template t
 WHERE t.name = $1;
