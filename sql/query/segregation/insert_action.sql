INSERT INTO vpd_private.action_record (object, action, user_name, persons, session_id) VALUES ($1, $2, $3, $4, $5);
