SELECT l.name,
       l.depth::integer
  FROM vpd_private.hierarchy_level l
 WHERE l.hierarchy = $1
 ORDER BY l.depth;
