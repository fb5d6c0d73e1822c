-- Forgets an issuer with its keys; returns how many there were. Keys that somebody holds who hands some in stay behind, are accepted by nobody, and go when one of that name is
-- registered again.
WITH keys AS (
    DELETE FROM vpd_private.issuer_key
     WHERE issuer = $1
       AND kid IN (SELECT k.kid FROM vpd_private.issuer_key k WHERE k.issuer = $1 FOR UPDATE SKIP LOCKED)
)
DELETE FROM vpd_private.issuer WHERE issuer = $1;
