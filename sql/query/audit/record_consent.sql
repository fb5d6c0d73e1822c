INSERT INTO vpd_private.consent (user_name, purpose, is_given, recorded_by) VALUES ($1, $2, $3, $4);
