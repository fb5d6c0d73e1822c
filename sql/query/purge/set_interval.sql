INSERT INTO vpd_private.setting (purge_interval) VALUES (make_interval(mins => $1))
    ON CONFLICT (is_only_row) DO UPDATE SET purge_interval = excluded.purge_interval;
