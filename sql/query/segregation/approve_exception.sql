UPDATE vpd_private.sod_exception
   SET approved_by = $2, approved_at = clock_timestamp()
 WHERE id = $1
   AND approved_at IS NULL
   AND revoked_at IS NULL
   AND expires_at > clock_timestamp();
