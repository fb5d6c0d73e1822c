-- The checkpoint that stands for all records which were dropped: record and hash.
SELECT sequence, hash FROM vpd_private.audit_checkpoint WHERE is_stub ORDER BY sequence DESC LIMIT 1;
