-- Forgets an issuer with its keys; returns how many there were.
WITH keys AS (
    DELETE FROM vpd_private.issuer_key WHERE issuer = $1
)
DELETE FROM vpd_private.issuer WHERE issuer = $1;
