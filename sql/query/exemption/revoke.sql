UPDATE vpd_private.exemption e
   SET revoked_by = session_user,
       revoked_at = clock_timestamp()
 WHERE e.role = $1
   AND e.relation IS NOT DISTINCT FROM $2::oid::regclass
   AND e.revoked_at IS NULL;
