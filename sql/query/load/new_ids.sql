SELECT nextval('vpd_private.authority_id_seq')::integer FROM generate_series(1, $1);
