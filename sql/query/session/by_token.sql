-- The live session a token opens: its clocks, which the caller compares with the wall clock, and what it carries.
SELECT s.id,
       s.root_id,
       t.is_primary,
       c.last_access_at,
       c.idle_expires_at,
       c.expires_at,
       s.user_name,
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
  JOIN vpd_private.session_clock c ON c.id = s.id
 WHERE t.token_hash = $1
   AND c.is_open;
