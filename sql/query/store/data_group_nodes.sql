-- Nodes of data groups; of several times the one that begins first.
SELECT jsonb_build_object(
           'data_group', g.data_group,
           'hierarchy', g.hierarchy,
           'node', g.node,
           'valid_from', CASE WHEN g.valid_from > clock_timestamp() THEN to_char(g.valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'valid_until', CASE WHEN g.valid_until < 'infinity' THEN to_char(g.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'reason', g.reason,
           'seeded_by', g.seeded_by
       )
  FROM (
       SELECT DISTINCT ON (a.id, n.hierarchy, n.node)
              a.name AS data_group,
              n.hierarchy,
              n.node,
              n.valid_from,
              n.valid_until,
              n.reason,
              n.seeded_by
         FROM vpd_private.data_group_node n
         JOIN vpd_private.authority a ON a.id = n.data_group_id AND a.dropped_at IS NULL
        WHERE n.valid_until > clock_timestamp()
        ORDER BY a.id, n.hierarchy, n.node, n.valid_from, n.id
       ) g
 ORDER BY g.data_group COLLATE "C", g.hierarchy COLLATE "C", g.node COLLATE "C";
