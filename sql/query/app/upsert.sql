INSERT INTO vpd_private.app
       (name, pillar, origins, idle_timeout, absolute_timeout, ticket_lifetime, max_sessions_per_user, required_acr, max_auth_age, when_full)
-- In seconds: a day has 24 hours, whatever the clocks of somebody's time zone do meanwhile.
SELECT $1,
       $2,
       $3,
       make_interval(secs => extract(epoch FROM $4::interval)::float8),
       make_interval(secs => extract(epoch FROM $5::interval)::float8),
       make_interval(secs => extract(epoch FROM $6::interval)::float8),
       $7,
       $8,
       make_interval(secs => extract(epoch FROM $9::interval)::float8),
       $10
    ON CONFLICT (name) DO UPDATE
   SET pillar = excluded.pillar,
       origins = excluded.origins,
       idle_timeout = excluded.idle_timeout,
       absolute_timeout = excluded.absolute_timeout,
       ticket_lifetime = excluded.ticket_lifetime,
       max_sessions_per_user = excluded.max_sessions_per_user,
       required_acr = excluded.required_acr,
       max_auth_age = excluded.max_auth_age,
       when_full = excluded.when_full;
