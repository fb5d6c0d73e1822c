-- A column ($2, number $3) names the person in a table ($1).
INSERT INTO vpd_private.person_column (relation, column_name, column_number)
VALUES ($1::oid::regclass, $2, $3)
    ON CONFLICT (relation) DO UPDATE
   SET column_name = excluded.column_name, column_number = excluded.column_number, named_by = excluded.named_by, named_at = excluded.named_at;
