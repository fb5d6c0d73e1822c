SELECT p.pseudonym FROM vpd_private.pseudonym p WHERE p.user_name = $1;
