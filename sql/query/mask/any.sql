-- Whether this database has a mask at all.
SELECT EXISTS (SELECT FROM vpd_private.mask WHERE is_enabled);
