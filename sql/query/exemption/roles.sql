-- The roles that are exempt on a table. A role whose name is not what it was is another role.
SELECT e.role
  FROM vpd_private.exemption e
  JOIN pg_authid r ON r.oid = e.role
 WHERE r.rolname = e.role_name
   AND e.revoked_at IS NULL
   AND (e.relation IS NULL OR e.relation = $1::regclass);
