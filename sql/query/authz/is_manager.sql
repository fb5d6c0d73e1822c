-- Whether some source says that this user is somebody's manager.
SELECT true FROM vpd_private.user_account WHERE manager_id = $1 LIMIT 1;
