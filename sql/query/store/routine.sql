-- A function or procedure by name and types of its arguments.
SELECT to_regprocedure($1)::oid;
