-- Remembers the row security settings of a table and its partitions before the first policy changes them; returns the commands
-- that protect each.
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
    RETURNING relation
)
SELECT format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', n.nspname, c.relname),
       format('CREATE POLICY vpd_guard ON %I.%I AS RESTRICTIVE USING (vpd.guard()) WITH CHECK (vpd.guard())', n.nspname, c.relname)
  FROM remembered r
  JOIN pg_class c ON c.oid = r.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace;
