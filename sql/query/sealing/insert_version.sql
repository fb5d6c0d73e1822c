INSERT INTO vpd_private.sealing_key_version (key_number, version, master, wrapped) VALUES ($1, $2, $3, $4);
