INSERT INTO vpd_private.hierarchy_level (hierarchy, depth, name)
SELECT $1,
       l.depth,
       l.name
  FROM unnest($2::text[]) WITH ORDINALITY AS l (name, depth);
