-- A node and everything below it. Nothing goes when there is more than one and $3 does not allow it.
WITH RECURSIVE below (key) AS (
    SELECT n.key
      FROM vpd_private.hierarchy_node n
     WHERE n.hierarchy = $1
       AND n.key = $2
     UNION
    SELECT n.key
      FROM below b
      JOIN vpd_private.hierarchy_node n ON n.hierarchy = $1 AND n.parent = b.key
), allowed AS (
    SELECT b.key
      FROM below b
     WHERE $3
        OR (SELECT count(*) FROM below) = 1
), dropped AS (
    DELETE FROM vpd_private.hierarchy_node n
     WHERE n.hierarchy = $1
       AND n.key IN (SELECT a.key FROM allowed a)
    RETURNING n.key
)
SELECT d.key FROM dropped d;
