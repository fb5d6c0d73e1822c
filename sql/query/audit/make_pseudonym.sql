INSERT INTO vpd_private.pseudonym (pseudonym, user_name) VALUES ($1, $2) ON CONFLICT DO NOTHING;
