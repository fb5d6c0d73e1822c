SELECT r.rolname::text FROM pg_authid r WHERE r.oid = $1;
