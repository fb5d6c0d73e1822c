INSERT INTO vpd_private.signing_key (kid, key) VALUES ($1, $2);
