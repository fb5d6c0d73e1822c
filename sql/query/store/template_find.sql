-- A template, and whether it has given roles that are still there.
SELECT t.base_role,
       t.hierarchy,
       t.level,
       t.name_pattern,
       EXISTS (
           SELECT
             FROM vpd_private.data_role r
             JOIN vpd_private.authority a ON a.id = r.role_id AND a.dropped_at IS NULL
            WHERE r.template = t.name
       )
  FROM vpd_private.data_role_template t
 WHERE t.name = $1;
