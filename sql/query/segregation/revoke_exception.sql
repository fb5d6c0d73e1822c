UPDATE vpd_private.sod_exception
   SET revoked_by = $2, revoked_at = clock_timestamp()
 WHERE id = $1
   AND revoked_at IS NULL;
