-- Adds, moves and relabels nodes; with $6 those that are not among them go. A label that is not given stays, an empty one takes it away.
WITH incoming AS MATERIALIZED (
    SELECT i.key,
           i.parent,
           i.depth::smallint AS depth,
           i.label
      FROM unnest($2::text[], $3::text[], $4::integer[], $5::text[]) AS i (key, parent, depth, label)
), written AS (
    INSERT INTO vpd_private.hierarchy_node AS n (hierarchy, key, parent, depth, label)
    SELECT $1, i.key, i.parent, i.depth, i.label
      FROM incoming i
        ON CONFLICT (hierarchy, key) DO UPDATE
       SET parent = EXCLUDED.parent,
           depth = EXCLUDED.depth,
           label = nullif(coalesce(EXCLUDED.label, n.label), '')
     WHERE (n.parent, n.depth, n.label) IS DISTINCT FROM (EXCLUDED.parent, EXCLUDED.depth, nullif(coalesce(EXCLUDED.label, n.label), ''))
    RETURNING n.key, n.parent, n.depth
), removed AS (
    DELETE FROM vpd_private.hierarchy_node n
     WHERE $6
       AND n.hierarchy = $1
       AND n.key NOT IN (SELECT i.key FROM incoming i)
    RETURNING n.key
)
SELECT count(*) FILTER (WHERE o.key IS NULL),
       count(*) FILTER (WHERE o.key IS NOT NULL AND (o.parent, o.depth) IS DISTINCT FROM (w.parent, w.depth)),
       count(*) FILTER (WHERE o.key IS NOT NULL AND (o.parent, o.depth) IS NOT DISTINCT FROM (w.parent, w.depth)),
       (SELECT count(*) FROM removed)
  FROM written w
  LEFT JOIN vpd_private.hierarchy_node o ON o.hierarchy = $1 AND o.key = w.key;
