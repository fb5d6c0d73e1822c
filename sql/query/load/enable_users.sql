UPDATE vpd_private.authority SET is_enabled = $2 WHERE id = ANY ($1::integer[]) AND is_enabled <> $2 RETURNING id;
