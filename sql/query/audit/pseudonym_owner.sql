SELECT p.user_name FROM vpd_private.pseudonym p WHERE p.pseudonym = $1;
