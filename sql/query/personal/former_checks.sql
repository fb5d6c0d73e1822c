-- The commands that drop the checks of a table ($1) and its partitions that say whom the values of a column ($2; NULL: of all) are about: those that are inherited from none of them.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
SELECT format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, k.name)
  FROM family f
  JOIN vpd_private.person_check k ON k.relation = f.member AND NOT k.is_inherited
  JOIN pg_class c ON c.oid = k.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE $2::text IS NULL
    OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.relation AND a.attname = $2 AND a.attnum = k.number);
