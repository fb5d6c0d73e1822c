-- Columns with a key per person in tables that name nobody: what they hold about somebody cannot be found.
SELECT format('%I.%I', n.nspname, c.relname), s.name
  FROM vpd_private.sealed_column s
  JOIN vpd_private.sealing_key y ON y.key_number = s.key_number AND y.is_per_person
  JOIN pg_class c ON c.oid = s.relation AND c.relkind = 'r'
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT pg_is_other_temp_schema(n.oid)
   AND NOT EXISTS (
           WITH RECURSIVE ancestor AS (
               SELECT c.oid AS relation
               UNION
               SELECT i.inhparent FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.relation
           )
           SELECT FROM ancestor a JOIN vpd_private.person_column p ON p.relation = a.relation::regclass
       )
 ORDER BY n.nspname, c.relname, s.number;
