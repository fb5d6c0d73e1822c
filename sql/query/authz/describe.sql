UPDATE vpd_private.authority SET description = $2 WHERE id = $1;
