SELECT FROM vpd_private.pseudonym p WHERE p.pseudonym = ANY ($1) AND p.user_name IS NULL LIMIT 1;
