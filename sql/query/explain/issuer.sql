-- The identity provider whose token opened a session. $1 session.
SELECT issuer FROM vpd_private.session WHERE id = $1;
