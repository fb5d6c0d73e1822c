-- A column ($2) names the person, of a kind ($3), in a table ($1) and its partitions. Where something was said before, values are about the persons of before, until they are sealed anew.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
)
INSERT INTO vpd_private.person_column (relation, column_name, column_number, kind, moving)
SELECT f.member::regclass, $2, a.number, $3,
       CASE
           WHEN f.member = $1 AND EXISTS (SELECT FROM family m JOIN vpd_private.person_column p ON p.relation = m.member::regclass) THEN ARRAY(
               SELECT m.member::regclass FROM family m JOIN pg_class c ON c.oid = m.member WHERE c.relkind = 'r'
           )
           ELSE '{}'
       END
  FROM family f
  JOIN vpd_private.nameable_column a ON a.relation = f.member AND a.name = $2
    ON CONFLICT (relation) DO UPDATE
   SET column_name = excluded.column_name,
       column_number = excluded.column_number,
       kind = excluded.kind,
       moving = excluded.moving,
       named_by = excluded.named_by,
       named_at = excluded.named_at;
