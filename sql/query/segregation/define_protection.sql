INSERT INTO vpd_private.protected_action (relation, action, maker_column, column_name, column_number, value, key_columns, key_numbers)
VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (relation, action) DO UPDATE
   SET maker_column = excluded.maker_column,
       column_name = excluded.column_name,
       column_number = excluded.column_number,
       value = excluded.value,
       key_columns = excluded.key_columns,
       key_numbers = excluded.key_numbers;
