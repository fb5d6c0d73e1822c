-- A column ($2) of a table ($1) that may name a person: number, whether it has a type whose values have one text and keep it, whether the table is one that persons can be named in, and the command that puts
-- the trigger on the table, if it is not there, and those that enable it. Each table has a name of its own for it: a partition that is attached has both its own and its parent's.
SELECT a.number,
       a.is_plain,
       c.relkind IN ('r', 'p'),
       CASE
           WHEN NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgfoid = 'vpd_private.seal_for_person()'::regprocedure) THEN format(
               'CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I.%I FOR EACH ROW EXECUTE FUNCTION vpd_private.seal_for_person()',
               'zzz_vpd_seal_for_person_' || c.oid, n.nspname, c.relname
           )
       END,
       ARRAY(
           SELECT format('ALTER TABLE %I.%I ENABLE TRIGGER %I', n.nspname, c.relname, g.tgname)
             FROM pg_trigger g
            WHERE g.tgrelid = c.oid AND g.tgfoid = 'vpd_private.seal_for_person()'::regprocedure AND g.tgenabled NOT IN ('O', 'A')
       )
  FROM vpd_private.nameable_column a
  JOIN pg_class c ON c.oid = a.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.relation = $1
   AND a.name = $2;
