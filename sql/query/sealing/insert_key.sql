INSERT INTO vpd_private.sealing_key (key_number, name, is_searchable, is_per_person, privilege, hidden_as, mask)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;
