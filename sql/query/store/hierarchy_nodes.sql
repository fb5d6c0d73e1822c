-- Nodes as definitions.
SELECT jsonb_build_object('hierarchy', n.hierarchy, 'key', n.key, 'parent', n.parent, 'level', l.name, 'label', n.label)
  FROM vpd_private.hierarchy_node n
  JOIN vpd_private.hierarchy_level l ON l.hierarchy = n.hierarchy AND l.depth = n.depth
 ORDER BY n.hierarchy COLLATE "C", n.key COLLATE "C";
