UPDATE vpd_private.authority SET is_enabled = $2 WHERE id = $1 AND is_enabled <> $2;
