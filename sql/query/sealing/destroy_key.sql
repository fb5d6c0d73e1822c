-- The key ($1) has no bits any more.
UPDATE vpd_private.sealing_key SET destroyed_at = clock_timestamp() WHERE key_number = $1;
