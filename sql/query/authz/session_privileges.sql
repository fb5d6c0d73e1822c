-- Each resource with the actions that a session has. A privilege that is not defined, as a login claims it, is one of what stands before its last colon; of
-- whether such an action only shows something, its name tells. $1 privileges, $2 whether only resources with actions are wanted, $3 actions that only show something.
WITH held AS MATERIALIZED (
    SELECT coalesce(d.resource, undefined.part[1]) AS resource,
           coalesce(d.action, undefined.part[2]) AS action,
           coalesce(d.mode, CASE WHEN lower(undefined.part[2]) = ANY ($3) THEN 'view' ELSE 'edit' END) AS mode
      FROM unnest($1) AS p (name)
      LEFT JOIN vpd_private.authority a ON a.kind = 'privilege' AND a.name = p.name AND a.dropped_at IS NULL
      LEFT JOIN vpd_private.privilege_detail d ON d.privilege_id = a.id
     CROSS JOIN LATERAL (SELECT CASE WHEN a.id IS NULL THEN regexp_match(p.name, '^(.+):([^:]+)$') END AS part) undefined
     WHERE d.resource IS NOT NULL
        OR undefined.part IS NOT NULL
)
SELECT coalesce(r.name, h.resource),
       coalesce(r.kind, 'abstract'),
       CASE WHEN bool_or(h.mode = 'edit') THEN 'edit' WHEN count(h.action) > 0 THEN 'view' ELSE 'hidden' END,
       coalesce(array_agg(h.action ORDER BY h.action) FILTER (WHERE h.action IS NOT NULL), '{}')
  FROM vpd_private.resource r
  FULL JOIN held h ON h.resource = r.name
 GROUP BY 1, 2
HAVING count(h.action) > 0 OR NOT $2
 ORDER BY 1;
