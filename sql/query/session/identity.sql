SELECT s.user_name,
       t.app,
       s.pillar,
       s.is_authenticated,
       s.audit_identity,
       s.acting_for,
       s.roles,
       s.privileges,
       s.attributes,
       s.language,
       s.territory,
       s.date_format,
       s.number_format,
       s.created_at
  FROM vpd_private.session_token t
  JOIN vpd_private.session s ON s.id = t.session_id
 WHERE t.token_hash = $1;
