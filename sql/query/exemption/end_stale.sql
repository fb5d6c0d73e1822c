-- Closes exemptions of roles and on tables that were dropped, so that no later role or table can inherit them with a reused OID.
UPDATE vpd_private.exemption e
   SET revoked_by = CASE WHEN r.oid IS NULL THEN '(role dropped)' ELSE '(table dropped)' END,
       revoked_at = clock_timestamp()
  FROM vpd_private.exemption s
  LEFT JOIN pg_authid r ON r.oid = s.role
  LEFT JOIN pg_class c ON c.oid = s.relation
 WHERE s.ctid = e.ctid
   AND e.revoked_at IS NULL
   AND (r.oid IS NULL OR (s.relation IS NOT NULL AND c.oid IS NULL));
