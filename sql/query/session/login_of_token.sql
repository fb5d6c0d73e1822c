-- The login that a token ($1, its hash) comes from, if an identity provider opened it: the provider, its session and its user there, and the identity token.
SELECT login.issuer, login.provider_session, login.provider_subject, login.logout_hint
  FROM vpd_private.session_token t
  JOIN vpd_private.session s ON s.id = t.session_id
  JOIN vpd_private.session login ON login.id = s.root_id
 WHERE t.token_hash = $1
   AND login.provider_subject IS NOT NULL;
