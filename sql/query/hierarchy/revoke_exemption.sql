UPDATE vpd_private.hierarchy_exemption
   SET revoked_at = clock_timestamp(),
       revoked_by = $3
 WHERE app = $1
   AND hierarchy IS NOT DISTINCT FROM $2
   AND revoked_at IS NULL;
