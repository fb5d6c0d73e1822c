-- A table and all its partitions and children.
WITH RECURSIVE family AS (
    SELECT $1::oid AS member
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.member
)
SELECT member FROM family;
