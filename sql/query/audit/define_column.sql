INSERT INTO vpd_private.tracked_column (relation, purpose, column_name, column_number)
VALUES ($1::regclass, $2, $3, $4)
    ON CONFLICT (relation, purpose) DO UPDATE SET column_name = excluded.column_name, column_number = excluded.column_number;
