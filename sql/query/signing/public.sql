-- The public half of a key.
SELECT key FROM vpd_private.signing_key WHERE kid = $1;
