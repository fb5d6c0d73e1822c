SELECT r.name,
       r.kind,
       CASE WHEN bool_or(p.mode = 'edit') THEN 'edit' WHEN count(p.action) > 0 THEN 'view' ELSE 'hidden' END,
       coalesce(array_agg(p.action ORDER BY p.action) FILTER (WHERE p.action IS NOT NULL), '{}')
  FROM vpd_private.resource r
  LEFT JOIN (
       SELECT d.resource, d.action, d.mode
         FROM vpd_private.privilege_detail d
         JOIN vpd_private.authority a ON a.id = d.privilege_id
        WHERE a.dropped_at IS NULL
          AND a.name = ANY ($1)
  ) p ON p.resource = r.name
 GROUP BY r.name, r.kind
HAVING count(p.action) > 0 OR NOT $2
 ORDER BY r.name;
