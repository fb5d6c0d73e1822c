SELECT FROM vpd_private.action_record r WHERE r.object = $1 AND r.action = $2 AND r.persons && $3 LIMIT 1;
