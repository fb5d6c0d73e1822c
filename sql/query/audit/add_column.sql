-- The command that adds an audit column.
SELECT format('ALTER TABLE %I.%I ADD COLUMN %I %s', n.nspname, c.relname, $2::text, $3::text)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1;
