-- Every exemption of an application.
UPDATE vpd_private.hierarchy_exemption
   SET revoked_at = clock_timestamp(),
       revoked_by = $2
 WHERE app = $1
   AND revoked_at IS NULL;
