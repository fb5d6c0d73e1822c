-- Whether a table is a partition or child of another.
SELECT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = $1);
