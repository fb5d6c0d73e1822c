-- A column ($2, number $3) names the person, of a kind ($4), in a table ($1). What was said of its partitions gives way.
WITH given_way AS (
    DELETE FROM vpd_private.person_column p
     WHERE p.relation::oid IN (
               WITH RECURSIVE family AS (
                   SELECT i.inhrelid AS member FROM pg_inherits i WHERE i.inhparent = $1
                   UNION
                   SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.member
               )
               SELECT f.member FROM family f
           )
)
INSERT INTO vpd_private.person_column (relation, column_name, column_number, kind)
VALUES ($1::oid::regclass, $2, $3, $4)
    ON CONFLICT (relation) DO UPDATE
   SET column_name = excluded.column_name,
       column_number = excluded.column_number,
       kind = excluded.kind,
       named_by = excluded.named_by,
       named_at = excluded.named_at;
