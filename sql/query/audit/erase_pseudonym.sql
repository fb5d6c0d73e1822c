UPDATE vpd_private.pseudonym SET user_name = NULL, erased_at = clock_timestamp() WHERE user_name = $1;
