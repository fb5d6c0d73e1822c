-- Tables under enabled audit policies, and their partitions and children, with a column of a type, or of a domain over it. $1 the type.
WITH RECURSIVE kind AS (
    SELECT $1::oid AS oid
    UNION
    SELECT t.oid FROM pg_type t JOIN kind k ON t.typbasetype = k.oid
), audited AS (
    SELECT p.relation::oid AS oid FROM vpd_private.audit_policy p WHERE p.is_enabled
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN audited a ON i.inhparent = a.oid
)
SELECT a.oid
  FROM audited a
 WHERE EXISTS (SELECT FROM pg_attribute c JOIN kind k ON k.oid = c.atttypid WHERE c.attrelid = a.oid AND c.attnum > 0);
