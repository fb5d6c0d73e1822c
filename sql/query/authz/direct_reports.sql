SELECT u.name
  FROM vpd_private.user_profile u
 WHERE u.manager = $1
 ORDER BY u.name;
