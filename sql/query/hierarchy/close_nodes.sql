-- Ends what data groups have of nodes, and removes what has not begun. One row: how many there were.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), open AS (
    SELECT g.id,
           m.now,
           g.valid_from < m.now AS has_begun
      FROM moment m
     CROSS JOIN unnest($1::integer[], $2::text[], $3::text[]) AS w (data_group_id, hierarchy, node)
      JOIN vpd_private.data_group_node g
        ON g.data_group_id = w.data_group_id
       AND g.hierarchy = w.hierarchy
       AND g.node = w.node
       AND g.valid_until > m.now
), ended AS (
    UPDATE vpd_private.data_group_node g
       SET valid_until = o.now,
           revoked_by = $4
      FROM open o
     WHERE g.id = o.id
       AND o.has_begun
), removed AS (
    DELETE FROM vpd_private.data_group_node g
     USING open o
     WHERE g.id = o.id
       AND NOT o.has_begun
)
SELECT count(*) FROM open;
