-- Creates the session of a login. Returns its id; no row when there is no such application. When somebody was authenticated whose token does not say so is not known, which is
-- longer ago than any application allows.
INSERT INTO vpd_private.session
       (id, root_id, pillar, app, user_name, is_authenticated, audit_identity, acting_for, roles, privileges, attributes,
        language, territory, date_format, number_format, client_address, user_agent, auth_time, created_at, last_access_at,
        idle_timeout, expires_at, assumed_role, made_in, acr, issuer, claimed_groups,
        provider_subject, provider_session, logout_hint)
SELECT made.id, made.id, a.pillar, a.name, $1, true, coalesce($6, $1), $7, $4::text[], $5::text[], $3::jsonb,
       $8, $9, $10, $11, $12::inet, left($13, 512), coalesce($14, CASE WHEN $18::text IS NULL THEN made.now ELSE '-infinity' END), made.now, made.now,
       a.idle_timeout, made.now + a.absolute_timeout, $15, $16::bigint, $17, $18, $19::text[],
       $20, $21, $22
  FROM vpd_private.app a
 CROSS JOIN (SELECT gen_random_uuid() AS id, clock_timestamp() AS now) made
 WHERE a.name = $2
RETURNING id;
