-- From the node and those above it to the data groups that have one of them, and from there to whoever holds the groups.
WITH RECURSIVE up (key, parent) AS (
    SELECT n.key, n.parent
      FROM vpd_private.hierarchy_node n
     WHERE n.hierarchy = $1
       AND n.key = $2
     UNION
    SELECT n.key, n.parent
      FROM up
      JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.key = up.parent
), holding (id, kind, name, data_group, node, path, length) AS (
    SELECT a.id,
           a.kind,
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
)
SELECT DISTINCT ON (h.name, h.data_group, h.node)
       h.name,
       h.data_group,
       h.node,
       h.path
  FROM holding h
 WHERE h.kind = 'user'
 ORDER BY h.name, h.data_group, h.node, h.length, h.path;
