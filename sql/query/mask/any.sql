-- Whether this database has a mask at all, of its own or by a policy. What is not known to be switched off counts.
SELECT EXISTS (SELECT FROM vpd_private.mask WHERE is_enabled IS DISTINCT FROM false)
    OR EXISTS (SELECT FROM vpd_private.policy WHERE is_masking IS DISTINCT FROM false AND is_enabled IS DISTINCT FROM false);
