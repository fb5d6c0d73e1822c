DELETE FROM vpd_private.task_right WHERE task_type = $1 AND kind = $2 AND name = $3;
