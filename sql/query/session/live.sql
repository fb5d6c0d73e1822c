-- Live sessions with what they carry, newest first: of one user or of everybody, or one session.
SELECT s.id,
       s.user_name,
       s.app,
       s.pillar,
       s.is_authenticated,
       s.audit_identity,
       s.acting_for,
       s.actors,
       s.actor_session_id,
       s.acts_fully,
       s.assumed_role,
       s.roles,
       s.privileges,
       s.claimed_groups,
       s.attributes,
       s.language,
       s.territory,
       s.date_format,
       s.number_format,
       s.created_at,
       c.idle_expires_at,
       c.expires_at
  FROM vpd_private.session s
  JOIN vpd_private.session_clock c ON c.id = s.id
 WHERE ($1::text IS NULL OR s.user_name = $1)
   AND ($2::uuid IS NULL OR s.id = $2)
   AND c.is_open
   AND clock_timestamp() < c.idle_expires_at
   AND s.ended_at IS NULL
 ORDER BY s.created_at DESC, s.id
 LIMIT $3;
