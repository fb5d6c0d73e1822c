-- A template, and whether something that it has given is still there.
SELECT t.base_role,
       t.hierarchy,
       t.level,
       t.name_pattern,
       EXISTS (
           SELECT
             FROM vpd_private.data_role r
             JOIN vpd_private.authority a ON a.id IN (r.role_id, r.data_group_id) AND a.dropped_at IS NULL
            WHERE r.template = t.name
       )
  FROM vpd_private.data_role_template t
 WHERE t.name = $1;
