-- Whether policies do not apply to a role.
SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = $1;
