-- What a ticket gave that was redeemed before.
SELECT session_id FROM vpd_private.session_token WHERE ticket_hash = $1;
