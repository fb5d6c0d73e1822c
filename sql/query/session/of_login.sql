-- Live sessions that the login at an identity provider ($1) opened, by its session there ($2) or its user there ($3), or both.
SELECT s.id
  FROM vpd_private.session s
 WHERE s.issuer = $1
   AND s.provider_session = $2
   AND ($3::text IS NULL OR s.provider_subject = $3)
   AND s.ended_at IS NULL
UNION ALL
SELECT s.id
  FROM vpd_private.session s
 WHERE $2::text IS NULL
   AND s.issuer = $1
   AND s.provider_subject = $3
   AND s.ended_at IS NULL;
