INSERT INTO vpd_private.sealed_place (place, key_number) VALUES ($1, $2) ON CONFLICT DO NOTHING;
