-- Ends what data groups have of nodes that are gone, of any or of those that are named, and removes what has not begun. Returns of what somebody marked the
-- data group, whose that is, and whose the mark is.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), open AS (
    SELECT g.id,
           g.data_group_id,
           g.seeded_by,
           m.now,
           g.valid_from < m.now AS has_begun
      FROM moment m
      JOIN vpd_private.data_group_node g ON g.hierarchy = $1 AND g.valid_until > m.now
     WHERE ($3::text[] IS NULL OR g.node = ANY ($3))
       AND NOT EXISTS (
               SELECT
                 FROM vpd_private.hierarchy_node n
                WHERE n.hierarchy = g.hierarchy
                  AND n.key = g.node
           )
), ended AS (
    UPDATE vpd_private.data_group_node g
       SET valid_until = o.now,
           revoked_by = $2
      FROM open o
     WHERE g.id = o.id
       AND o.has_begun
), removed AS (
    DELETE FROM vpd_private.data_group_node g
     USING open o
     WHERE g.id = o.id
       AND NOT o.has_begun
)
SELECT DISTINCT a.name,
       a.seeded_by,
       o.seeded_by
  FROM open o
  JOIN vpd_private.authority a ON a.id = o.data_group_id
 WHERE o.seeded_by IS NOT NULL
   AND a.dropped_at IS NULL;
