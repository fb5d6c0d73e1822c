UPDATE vpd_private.hierarchy SET mode = $2 WHERE name = $1;
