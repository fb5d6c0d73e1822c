UPDATE vpd_private.sealing_key_version SET master = $3, wrapped = $4 WHERE key_number = $1 AND version = $2;
