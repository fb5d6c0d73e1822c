INSERT INTO vpd_private.authority_change (changed_by, action, subject, detail) VALUES ($1, $2, $3, $4);
