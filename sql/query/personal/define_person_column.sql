-- A column ($2, number $3) names the person, of a kind ($4), in a table ($1). What was said of its partitions gives way. Where something was said before, values are about the persons of before, until they are sealed anew.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
),
given_way AS (
    DELETE FROM vpd_private.person_column p
     WHERE p.relation::oid IN (SELECT f.member FROM family f WHERE f.member <> $1)
    RETURNING p.relation
)
INSERT INTO vpd_private.person_column (relation, column_name, column_number, kind, moving)
SELECT $1::oid::regclass, $2, $3, $4,
       CASE
           WHEN EXISTS (SELECT FROM given_way) OR EXISTS (SELECT FROM vpd_private.person_column p WHERE p.relation = $1::oid::regclass) THEN ARRAY(
               SELECT f.member::regclass FROM family f JOIN pg_class c ON c.oid = f.member WHERE c.relkind = 'r'
           )
           ELSE '{}'
       END
    ON CONFLICT (relation) DO UPDATE
   SET column_name = excluded.column_name,
       column_number = excluded.column_number,
       kind = excluded.kind,
       moving = excluded.moving,
       named_by = excluded.named_by,
       named_at = excluded.named_at;
