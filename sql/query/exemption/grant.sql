INSERT INTO vpd_private.exemption (role, role_name, relation, relation_name, reason)
SELECT r.oid, r.rolname, $2::oid::regclass, $2::oid::regclass::text, $3
  FROM pg_authid r
 WHERE r.oid = $1
    ON CONFLICT (role, (coalesce(relation::oid, 0))) WHERE revoked_at IS NULL DO NOTHING;
