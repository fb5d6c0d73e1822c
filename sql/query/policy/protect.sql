-- Remembers the row security settings of a table and its partitions before the first policy changes them; returns the commands
-- that put what each lacks: row security, and the guard in the place of another policy of that name.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.member
), remembered AS (
    INSERT INTO vpd_private.protected_table (relation, had_row_security, had_force)
    SELECT c.oid, c.relrowsecurity, c.relforcerowsecurity
      FROM pg_class c
      JOIN family f ON f.member = c.oid
     WHERE c.relkind IN ('r', 'p')
        ON CONFLICT (relation) DO NOTHING
)
SELECT CASE
           WHEN NOT (c.relrowsecurity AND c.relforcerowsecurity)
               THEN format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', n.nspname, c.relname)
       END,
       CASE WHEN NOT g.is_good THEN format('DROP POLICY vpd_guard ON %I.%I', n.nspname, c.relname) END,
       CASE
           WHEN g.is_good IS DISTINCT FROM true
               THEN format('CREATE POLICY vpd_guard ON %I.%I AS RESTRICTIVE USING (vpd.guard()) WITH CHECK (vpd.guard())', n.nspname, c.relname)
       END
  FROM family f
  JOIN pg_class c ON c.oid = f.member AND c.relkind IN ('r', 'p')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
       SELECT NOT p.polpermissive
              AND p.polcmd = '*'
              AND p.polroles = '{0}'
              AND pg_get_expr(p.polqual, p.polrelid) = 'vpd.guard()'
              AND pg_get_expr(p.polwithcheck, p.polrelid) = 'vpd.guard()' AS is_good
         FROM pg_policy p
        WHERE p.polrelid = c.oid
          AND p.polname = 'vpd_guard'
  ) g ON true;
