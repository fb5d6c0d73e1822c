SELECT extract(epoch FROM vpd.purge_interval())::integer;
