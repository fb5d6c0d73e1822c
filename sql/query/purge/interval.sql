SELECT extract(epoch FROM purge_interval)::integer FROM vpd_private.setting;
