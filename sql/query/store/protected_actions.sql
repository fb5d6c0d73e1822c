-- Changes of rows that are actions, as definitions; of the maker the table keeps what the column is for.
SELECT jsonb_build_object(
           'relation', format('%I.%I', n.nspname, c.relname),
           'action', p.action,
           'maker_column', k.column_name,
           'column', p.column_name,
           'value', p.value,
           'key_columns', p.key_columns
       )
  FROM vpd_private.protected_action p
  LEFT JOIN vpd_private.tracked_column k ON k.relation = p.relation AND k.purpose = p.maker_column
  JOIN pg_class c ON c.oid = p.relation
  JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE "C", p.action COLLATE "C";
