-- Remembers the row security settings of a table and its partitions before the first policy changes them.
INSERT INTO vpd_private.protected_table (relation, had_row_security, had_force)
SELECT c.oid,
       c.relrowsecurity,
       c.relforcerowsecurity
  FROM pg_class c
 WHERE c.relkind IN ('r', 'p')
   AND c.oid IN (
       WITH RECURSIVE family AS (
           SELECT $1::oid AS member
           UNION
           SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.member
       )
       SELECT member FROM family
   )
    ON CONFLICT (relation) DO NOTHING
RETURNING format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation),
          format('CREATE POLICY vpd_guard ON %s AS RESTRICTIVE USING (vpd.guard()) WITH CHECK (vpd.guard())', relation);
