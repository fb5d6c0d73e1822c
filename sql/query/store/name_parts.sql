SELECT parse_ident($1);
