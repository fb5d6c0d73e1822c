-- What an application lets its sessions do: its pillar, how many live ones somebody may hold, how its users must have been authenticated, and how long ago at most; whether one more login ends the oldest.
SELECT pillar, max_sessions_per_user, required_acr, extract(epoch FROM max_auth_age)::float8, when_full = 'end_oldest' FROM vpd_private.app WHERE name = $1;
