-- How many live sessions somebody who is logged in ($1) holds in an application ($2).
SELECT count(*) FROM vpd_private.held_session h WHERE h.holder = $1 AND h.app = $2;
