-- The exemptions that are good, in one order.
SELECT e.role, e.role_name::text, e.relation::oid
  FROM vpd_private.exemption e
  JOIN pg_authid r ON r.oid = e.role
 WHERE r.rolname = e.role_name
   AND e.revoked_at IS NULL
 ORDER BY e.role, e.relation;
