-- The pseudonyms of some users.
SELECT p.pseudonym FROM vpd_private.pseudonym p WHERE p.user_name = ANY ($1);
