-- Whether this database has an audit policy that counts.
SELECT EXISTS (SELECT FROM vpd_private.audit_policy WHERE is_enabled);
