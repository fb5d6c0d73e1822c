-- Gives tables without any policy left in their family of partitions the settings they had before.
DELETE FROM vpd_private.protected_table t
 WHERE (t.relation = $1::bigint::oid::regclass OR $1 IS NULL)
   AND ($1 IS NULL OR NOT EXISTS (SELECT FROM vpd_private.policy p WHERE p.relation = t.relation))
   AND ($1 IS NULL OR NOT EXISTS (
       WITH RECURSIVE ancestors AS (
           SELECT i.inhparent AS member FROM pg_inherits i WHERE i.inhrelid = t.relation
           UNION
           SELECT i.inhparent FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.member
       )
       SELECT FROM ancestors a JOIN vpd_private.policy p ON p.relation = a.member
   ))
RETURNING t.relation::oid,
          format('DROP POLICY IF EXISTS vpd_guard ON %s', t.relation),
          format(
              'ALTER TABLE %s %s ROW LEVEL SECURITY, %s ROW LEVEL SECURITY',
              t.relation,
              CASE WHEN t.had_row_security THEN 'ENABLE' ELSE 'DISABLE' END,
              CASE WHEN t.had_force THEN 'FORCE' ELSE 'NO FORCE' END
          );
