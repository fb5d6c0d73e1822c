-- Hierarchies as definitions, their levels from the top.
SELECT jsonb_build_object(
           'name', h.name,
           'description', h.description,
           'levels', (SELECT coalesce(jsonb_agg(l.name ORDER BY l.depth), '[]') FROM vpd_private.hierarchy_level l WHERE l.hierarchy = h.name),
           'mode', h.mode
       )
  FROM vpd_private.hierarchy h
 ORDER BY h.name COLLATE "C";
