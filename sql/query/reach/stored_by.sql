-- The table whose long values a TOAST table holds: its number, and whether it belongs to the extension.
SELECT c.oid,
       c.relnamespace = 'vpd_private'::regnamespace
  FROM pg_class c
 WHERE c.reltoastrelid = $1;
