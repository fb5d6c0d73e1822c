-- A row when the session $1 comes from a token of an issuer that does not speak for the application $2, or is trusted no more.
SELECT
  FROM vpd_private.session s
  JOIN vpd_private.session login ON login.id = s.root_id
  LEFT JOIN vpd_private.issuer i ON i.issuer = login.issuer
 WHERE s.id = $1
   AND login.issuer IS NOT NULL
   AND NOT coalesce(i.apps = '{}' OR $2 = ANY (i.apps), false);
