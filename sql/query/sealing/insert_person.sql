INSERT INTO vpd_private.sealed_person (key_number, person, name, master, wrapped)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;
