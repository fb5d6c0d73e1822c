-- Actions that were protected on a table as a part of another are protected on it by itself.
INSERT INTO vpd_private.protected_action (relation, action, maker_column, column_name, column_number, value, key_columns, key_numbers)
SELECT $1::regclass, p.action, p.maker_column, a.attname, a.attnum, p.value, k.names, k.numbers
  FROM vpd_private.protected_action p
  JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = p.column_name AND NOT a.attisdropped
 CROSS JOIN LATERAL (
       SELECT array_agg(o.attname::text ORDER BY n.place) AS names,
              array_agg(o.attnum ORDER BY n.place) AS numbers
         FROM unnest(p.key_columns) WITH ORDINALITY AS n (name, place)
         JOIN pg_attribute o ON o.attrelid = $1 AND o.attname = n.name AND NOT o.attisdropped
       ) k
 WHERE p.relation = $2::regclass
    ON CONFLICT DO NOTHING;
