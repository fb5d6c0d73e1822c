UPDATE vpd_private.delegation
   SET valid_from = least(valid_from, clock_timestamp()),
       valid_until = clock_timestamp(),
       revoked_by = $2
 WHERE id = $1
   AND valid_until > clock_timestamp();
