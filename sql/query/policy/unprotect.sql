-- Forgets a table that has no policy and no mask left, neither itself nor a table it is a partition of, or with NULL every table; returns
-- the commands that give it the settings it had before, and the name of one that then is open.
WITH RECURSIVE ancestors AS (
    SELECT $1::bigint::oid AS member
    UNION
    SELECT i.inhparent FROM pg_inherits i JOIN ancestors a ON i.inhrelid = a.member
), forgotten AS (
    DELETE FROM vpd_private.protected_table t
     WHERE $1::bigint IS NULL
        OR (t.relation = $1::bigint::oid
            AND NOT EXISTS (SELECT FROM vpd_private.policy p JOIN ancestors a ON p.relation = a.member)
            AND NOT EXISTS (SELECT FROM vpd_private.mask m JOIN ancestors a ON m.relation = a.member))
    RETURNING t.relation, t.had_row_security, t.had_force
)
SELECT f.relation::oid,
       format('DROP POLICY IF EXISTS vpd_guard ON %I.%I', n.nspname, c.relname),
       format(
           'ALTER TABLE %I.%I %s ROW LEVEL SECURITY, %s ROW LEVEL SECURITY',
           n.nspname,
           c.relname,
           CASE WHEN f.had_row_security THEN 'ENABLE' ELSE 'DISABLE' END,
           CASE WHEN f.had_force THEN 'FORCE' ELSE 'NO FORCE' END
       ),
       CASE WHEN NOT f.had_row_security THEN format('%I.%I', n.nspname, c.relname) END
  FROM forgotten f
  JOIN pg_class c ON c.oid = f.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace;
