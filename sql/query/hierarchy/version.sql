-- The version of a hierarchy. Names the nodes as well, so that both tables stay what they are until the transaction ends.
SELECT h.version,
       EXISTS (
           SELECT
             FROM vpd_private.hierarchy_node n
            WHERE n.hierarchy = h.name
       )
  FROM vpd_private.hierarchy h
 WHERE h.name = $1;
