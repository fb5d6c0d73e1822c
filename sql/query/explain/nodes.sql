-- The nodes of a hierarchy that data groups name now, some of them when they are many.
SELECT a.name,
       d.node
  FROM vpd_private.data_group_node d
  JOIN vpd_private.authority a ON a.id = d.data_group_id
 WHERE d.hierarchy = $1
   AND d.data_group_id = ANY ($2)
   AND d.valid_from <= clock_timestamp()
   AND clock_timestamp() < d.valid_until
 ORDER BY d.node, a.name
 LIMIT 20;
