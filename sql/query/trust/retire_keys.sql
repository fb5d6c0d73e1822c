-- Withdraws keys ($2) of an issuer ($1), and forgets those that were withdrawn a year ago.
WITH forgotten AS (
    DELETE FROM vpd_private.issuer_key WHERE issuer = $1 AND retired_at < clock_timestamp() - interval '1 year'
)
UPDATE vpd_private.issuer_key SET retired_at = clock_timestamp() WHERE issuer = $1 AND kid = ANY ($2) AND retired_at IS NULL;
