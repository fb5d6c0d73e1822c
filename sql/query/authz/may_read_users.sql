SELECT has_table_privilege($1::name, 'vpd.users', 'SELECT');
