UPDATE vpd_private.signing_key
   SET retired_at = clock_timestamp()
 WHERE retired_at IS NULL;
