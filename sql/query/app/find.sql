-- What an application lets its sessions do: its pillar, and how many live ones somebody may hold.
SELECT pillar, max_sessions_per_user FROM vpd_private.app WHERE name = $1;
