-- From the node and those above it to the data groups that have one of them, and from there to whoever holds the groups: by grants, by the rule
-- of a parametric role, or because a login brought an enterprise role. $3: whether this is the production environment.
-- A row without a user stands for whoever logs in with the role.
WITH RECURSIVE up (key, parent) AS (
    SELECT n.key, n.parent
      FROM vpd_private.hierarchy_node n
     WHERE n.hierarchy = $1
       AND n.key = $2
     UNION
    SELECT n.key, n.parent
      FROM up
      JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.key = up.parent
), holding (id, kind, role_kind, name, data_group, node, path, length) AS (
    SELECT a.id,
           a.kind,
           NULL::text,
           a.name,
           a.name,
           g.node,
           'data_group:' || a.name,
           1
      FROM up
      JOIN vpd_private.data_group_node g
        ON g.hierarchy = $1
       AND g.node = up.key
       AND g.valid_from <= clock_timestamp()
       AND clock_timestamp() < g.valid_until
      JOIN vpd_private.authority a ON a.id = g.data_group_id AND a.dropped_at IS NULL AND a.is_enabled
     UNION ALL
    SELECT a.id,
           a.kind,
           r.kind,
           a.name,
           h.data_group,
           h.node,
           a.kind || ':' || a.name || ' > ' || h.path,
           h.length + 1
      FROM holding h
      JOIN vpd_private.authority_grant e
        ON e.granted_id = h.id
       AND e.valid_from <= clock_timestamp()
       AND clock_timestamp() < e.valid_until
      JOIN vpd_private.authority a ON a.id = e.holder_id AND a.dropped_at IS NULL AND a.is_enabled
      LEFT JOIN vpd_private.role_detail r ON r.role_id = a.id
     WHERE h.kind <> 'role'
        OR CASE WHEN h.name LIKE '%\_PREPROD' THEN NOT $3 ELSE $3 OR h.role_kind <> 'enterprise' END
), claimable AS (
    -- The roles that a login can bring here; outside production it names them with the suffix.
    SELECT h.name,
           h.name || CASE WHEN $3 THEN '' ELSE '_PREPROD' END AS claim,
           h.data_group,
           h.node,
           h.path,
           h.length
      FROM holding h
     WHERE h.role_kind = 'enterprise'
       AND NOT (h.name LIKE '%\_PREPROD' AND $3)
), viewer (user_name, role, data_group, node, path, length) AS (
    SELECT h.name, NULL, h.data_group, h.node, h.path, h.length
      FROM holding h
     WHERE h.kind = 'user'
     UNION ALL
    SELECT u.name, NULL, h.data_group, h.node, 'user:' || u.name || ' > ' || h.path, h.length + 1
      FROM holding h
      JOIN vpd_private.role_detail r ON r.role_id = h.id AND r.kind = 'parametric'
      JOIN vpd_private.user_document d ON jsonb_path_match(d.document, r.rule, '{}', true)
      JOIN vpd_private.authority u ON u.id = d.user_id AND u.is_enabled
     WHERE NOT (h.name LIKE '%\_PREPROD' AND $3)
     UNION ALL
    SELECT s.user_name, NULL, h.data_group, h.node, 'session:' || s.user_name || ' > ' || h.path, h.length + 1
      FROM claimable h
      JOIN vpd_private.session s ON h.claim = ANY (s.roles) AND s.ended_at IS NULL
      JOIN vpd_private.session_clock c ON c.id = s.id AND c.is_open AND clock_timestamp() < c.idle_expires_at
     UNION ALL
    SELECT NULL, h.name, h.data_group, h.node, h.path, h.length
      FROM claimable h
)
SELECT DISTINCT ON (v.user_name, v.role, v.data_group, v.node)
       v.user_name,
       v.data_group,
       v.node,
       v.path
  FROM viewer v
 ORDER BY v.user_name, v.role, v.data_group, v.node, v.length, v.path;
