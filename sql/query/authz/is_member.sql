SELECT pg_has_role($1::name, r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = $2;
