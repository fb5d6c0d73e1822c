-- A column ($2) of a table ($1) that may name a person, of a kind ($3): whether it has a type whose values have one text and keep it, whether the table is one that persons can be named in; the root that says who is named in
-- this partition, and whether it says the same; and the command that puts the trigger on the table, if it is not there, and those that enable it. Each table has a name of its own for it: a partition that is attached has both its own and its parent's.
WITH RECURSIVE ancestor AS (
    SELECT i.inhparent AS relation, 1 AS distance FROM pg_inherits i WHERE i.inhrelid = $1
    UNION
    SELECT i.inhparent, a.distance + 1 FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.relation
)
SELECT a.is_plain,
       c.relkind IN ('r', 'p'),
       root.relation::text,
       coalesce(root.column_name = a.name AND root.kind = $3, false),
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
  LEFT JOIN LATERAL (
       SELECT p.relation, p.column_name, p.kind
         FROM ancestor r
         JOIN vpd_private.person_column p ON p.relation = r.relation::regclass
        ORDER BY r.distance DESC
        LIMIT 1
       ) root ON true
 WHERE a.relation = $1
   AND a.name = $2;
