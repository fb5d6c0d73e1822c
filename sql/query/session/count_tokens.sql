-- How many tokens a session ($1) has, counted up to $2.
SELECT count(*) FROM (SELECT FROM vpd_private.session_token t WHERE t.session_id = $1 LIMIT $2) counted;
