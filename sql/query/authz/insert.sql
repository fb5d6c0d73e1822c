INSERT INTO vpd_private.authority (kind, name, description) VALUES ($1, $2, $3) RETURNING id;
