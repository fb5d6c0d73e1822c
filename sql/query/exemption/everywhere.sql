-- Whether a role is exempt on every table.
SELECT EXISTS (
    SELECT
      FROM vpd_private.exemption e
      JOIN pg_authid r ON r.oid = e.role AND r.rolname = e.role_name
     WHERE e.role = $1
       AND e.relation IS NULL
       AND e.revoked_at IS NULL
);
