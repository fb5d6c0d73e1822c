-- Whether this database has audit policies that count, and some with a condition.
SELECT EXISTS (SELECT FROM vpd_private.audit_policy WHERE is_enabled),
       EXISTS (SELECT FROM vpd_private.audit_policy WHERE is_enabled AND condition IS NOT NULL);
