UPDATE vpd_private.sealed_person SET master = $3, wrapped = $4 WHERE key_number = $1 AND person = $2;
