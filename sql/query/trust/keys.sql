-- The keys of an issuer: identifier, thumbprint, whether it was withdrawn, the key.
SELECT kid, thumbprint, retired_at IS NOT NULL, key FROM vpd_private.issuer_key WHERE issuer = $1 ORDER BY kid;
