-- Closes exemptions of roles and on tables that were dropped, so that no later role or table can inherit them with a reused OID.
UPDATE vpd_private.exemption e
   SET revoked_by = CASE
           WHEN (SELECT r.oid FROM pg_authid r WHERE r.oid = e.role) IS NULL THEN '(role dropped)'
           ELSE '(table dropped)'
       END,
       revoked_at = clock_timestamp()
 WHERE e.revoked_at IS NULL
   AND (
       (SELECT r.oid FROM pg_authid r WHERE r.oid = e.role) IS NULL
       OR (e.relation IS NOT NULL AND (SELECT c.oid FROM pg_class c WHERE c.oid = e.relation) IS NULL)
   );
