-- A privilege on a resource.
SELECT a.kind || ':' || a.name
  FROM vpd_private.privilege_detail d
  JOIN vpd_private.authority a ON a.id = d.privilege_id AND a.dropped_at IS NULL
 WHERE d.resource = $1
 LIMIT 1;
