SELECT FROM vpd_private.sod_rule r WHERE r.scope <> 'object' LIMIT 1;
