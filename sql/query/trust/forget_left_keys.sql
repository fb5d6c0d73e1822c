-- Forgets keys that stayed behind when an issuer was forgotten.
DELETE FROM vpd_private.issuer_key k
 WHERE k.issuer = $1
   AND NOT EXISTS (SELECT FROM vpd_private.issuer i WHERE i.issuer = $1);
