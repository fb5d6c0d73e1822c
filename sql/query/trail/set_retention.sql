-- How long records are kept. $1 an interval, NULL for ever.
UPDATE vpd_private.audit_state SET retention = $1;
