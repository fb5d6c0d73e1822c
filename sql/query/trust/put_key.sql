-- Stores a key that an issuer has now: $1 issuer, $2 identifier, $3 thumbprint, $4 the key.
INSERT INTO vpd_private.issuer_key AS k (issuer, kid, thumbprint, key)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (issuer, kid) DO UPDATE
   SET added_at = CASE WHEN k.thumbprint = excluded.thumbprint THEN k.added_at ELSE excluded.added_at END,
       thumbprint = excluded.thumbprint,
       key = excluded.key,
       retired_at = NULL;
