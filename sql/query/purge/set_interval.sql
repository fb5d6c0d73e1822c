UPDATE vpd_private.setting SET purge_interval = make_interval(mins => $1);
