SELECT session_id FROM vpd_private.session_token WHERE token_hash = $1;
