-- The live session a token opens: its clocks, which the caller compares with the wall clock, and what it carries.
-- Each OFFSET 0 keeps the planner from any other order than token, session, root, latest use: one index probe each.
SELECT s.id,
       s.root_id,
       t.is_primary,
       greatest(r.last_access_at, u.used_at),
       least(greatest(r.last_access_at, u.used_at) + r.idle_timeout, r.expires_at),
       r.expires_at,
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
       s.created_at,
       s.assumed_role,
       s.actors,
       s.actor_session_id,
       s.acts_fully,
       v.version,
       a.version,
       a.valid_until,
       a.environment,
       a.roles,
       a.privileges,
       a.data_groups,
       a.reports,
       a.groups
  FROM vpd_private.session_token t
 CROSS JOIN LATERAL (
       SELECT s.id, s.root_id, s.user_name, s.pillar, s.is_authenticated, s.audit_identity, s.acting_for, s.roles, s.privileges,
              s.attributes, s.language, s.territory, s.date_format, s.number_format, s.created_at, s.assumed_role, s.actors,
              s.actor_session_id, s.acts_fully
         FROM vpd_private.session s
        WHERE s.id = t.session_id
          AND s.ended_at IS NULL
       OFFSET 0
   ) s
 CROSS JOIN LATERAL (
       SELECT r.last_access_at, r.idle_timeout, r.expires_at
         FROM vpd_private.session r
        WHERE r.id = s.root_id
          AND r.ended_at IS NULL
       OFFSET 0
   ) r
  LEFT JOIN LATERAL (
       SELECT u.used_at
         FROM vpd_private.session_use u
        WHERE u.root_id = s.root_id
        ORDER BY u.used_at DESC
        LIMIT 1
   ) u ON true
 CROSS JOIN vpd_private.authority_version v
  LEFT JOIN LATERAL (
       SELECT a.version, a.valid_until, a.environment, a.roles, a.privileges, a.data_groups, a.reports, a.groups
         FROM vpd_private.session_authority a
        WHERE a.session_id = s.id
        ORDER BY a.version DESC
        LIMIT 1
   ) a ON true
 WHERE t.token_hash = $1;
