-- Whether this database has a mask at all, of its own or by a policy.
SELECT EXISTS (SELECT FROM vpd_private.mask WHERE is_enabled)
    OR EXISTS (SELECT FROM vpd_private.policy WHERE is_masking AND is_enabled);
