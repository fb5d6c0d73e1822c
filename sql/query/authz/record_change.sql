INSERT INTO vpd_private.authority_change (changed_by, login_user, action, subject, detail) VALUES ($1, $2, $3, $4, $5);
