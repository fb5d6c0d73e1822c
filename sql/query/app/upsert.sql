INSERT INTO vpd_private.app
       (name, pillar, origins, idle_timeout, absolute_timeout, ticket_lifetime, max_sessions_per_user)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (name) DO UPDATE
   SET pillar = excluded.pillar,
       origins = excluded.origins,
       idle_timeout = excluded.idle_timeout,
       absolute_timeout = excluded.absolute_timeout,
       ticket_lifetime = excluded.ticket_lifetime,
       max_sessions_per_user = excluded.max_sessions_per_user;
