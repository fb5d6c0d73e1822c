-- Applications as definitions; lengths of time in seconds.
SELECT jsonb_build_object(
           'name', a.name,
           'pillar', a.pillar,
           'origins', a.origins,
           'idle_timeout', extract(epoch FROM a.idle_timeout),
           'absolute_timeout', extract(epoch FROM a.absolute_timeout),
           'ticket_lifetime', extract(epoch FROM a.ticket_lifetime),
           'max_sessions_per_user', a.max_sessions_per_user,
           'required_acr', a.required_acr,
           'max_auth_age', extract(epoch FROM a.max_auth_age),
           'when_full', a.when_full
       )
  FROM vpd_private.app a
 ORDER BY a.name COLLATE "C";
