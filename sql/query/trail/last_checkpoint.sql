-- The record of the last checkpoint; 0 before the first.
SELECT coalesce((SELECT sequence FROM vpd_private.audit_checkpoint ORDER BY sequence DESC LIMIT 1), 0);
