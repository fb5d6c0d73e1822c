-- A rule as the database writes it.
SELECT $1::jsonpath::text;
