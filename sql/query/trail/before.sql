-- The hash of a record. $1 its number.
SELECT hash FROM vpd_private.audit_record WHERE sequence = $1 LIMIT 1;
