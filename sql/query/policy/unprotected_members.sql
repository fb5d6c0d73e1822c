-- Protected tables in whose families something is not protected yet, and the name of what cannot be. $1: what just joined a family, with
-- everything below it; NULL: every family.
WITH RECURSIVE member AS (
    SELECT i.inhrelid AS relation, i.inhparent AS protected
      FROM pg_inherits i
      JOIN vpd_private.protected_table t ON t.relation = i.inhparent
     WHERE $1::oid[] IS NULL OR i.inhrelid = ANY ($1)
    UNION
    SELECT i.inhrelid, m.protected
      FROM pg_inherits i
      JOIN member m ON i.inhparent = m.relation
)
SELECT m.protected,
       min(c.relname::text) FILTER (WHERE c.relkind NOT IN ('r', 'p'))
  FROM member m
  JOIN pg_class c ON c.oid = m.relation
 WHERE NOT EXISTS (SELECT FROM vpd_private.protected_table p WHERE p.relation = m.relation)
 GROUP BY m.protected;
