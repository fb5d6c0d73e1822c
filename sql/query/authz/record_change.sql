INSERT INTO vpd_private.authority_change (changed_by, user_name, actors, login_user, action, subject, detail)
SELECT $1, $2, $3, $4, $5, subject, $7 FROM unnest($6::text[]) AS s (subject);
