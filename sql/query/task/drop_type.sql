DELETE FROM vpd_private.task_type WHERE name = $1;
