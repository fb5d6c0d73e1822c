-- Users as one or several identity sources tell of them, groups, organization units, and who manages whom.

CREATE FUNCTION vpd.define_source(name text, precedence integer, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_source_wrapper';
COMMENT ON FUNCTION vpd.define_source IS
'Defines an identity source, or changes it. What several sources tell of a user is put together; where they disagree the lower precedence counts.
The source "local" (100) is there. Errors: 22023 argument_invalid when another source has the precedence, 42501 definition_seeded when
something else would be believed of a user whom somebody else marked, 42501 sod_conflict.';

CREATE FUNCTION vpd.define_unit(name text, parent text DEFAULT NULL, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_unit_wrapper';
COMMENT ON FUNCTION vpd.define_unit IS
'Defines an organization unit below another, or moves it. Errors: 22023 argument_invalid, 42704 unit_not_found, 42P17 authority_cycle, 42501 definition_seeded when it
would be moved out of the reach of a rule of duties that somebody else marked, 42501 sod_conflict.';

CREATE FUNCTION vpd.drop_source(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_source_wrapper';
COMMENT ON FUNCTION vpd.drop_source IS
'Drops an identity source that tells of no user. The source "local" stays. Errors: 22023 argument_invalid, 42704 source_not_found, 2BP01 definition_in_use.';

CREATE FUNCTION vpd.drop_unit(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'drop_unit_wrapper';
COMMENT ON FUNCTION vpd.drop_unit IS
'Drops an organization unit. Errors: 42704 unit_not_found, 2BP01 definition_in_use while there are units below it, users of it, or a rule of duties for it.';

CREATE FUNCTION vpd.define_user(
    name text,
    source text DEFAULT 'local',
    display_name text DEFAULT NULL,
    attributes jsonb DEFAULT NULL,
    unit text DEFAULT NULL,
    manager text DEFAULT NULL,
    is_test boolean DEFAULT false
) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_user_wrapper';
COMMENT ON FUNCTION vpd.define_user IS
'Defines a user, or changes what a source tells of him; an argument that is NULL leaves what is there.
Arguments: source (an identity source), attributes (a JSON object of at most 64 KiB, read by the rules of parametric roles), unit, manager (a user), is_test
(made up for development: never carried into production). The user''s sessions follow with their next statement.
Errors: 22023 argument_invalid, 42704 source_not_found, unit_not_found, user_not_found, 42501 definition_seeded, sod_conflict.';

CREATE FUNCTION vpd.disable_user(name text, reason text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'disable_user_wrapper';
COMMENT ON FUNCTION vpd.disable_user IS
'Disables a user: in the same transaction every session of his ends, and none can be created. Returns false when he was disabled already.
Errors: 42704 user_not_found, 42501 definition_seeded. Follows OWASP ASVS 5.0 7.4.2.';

CREATE FUNCTION vpd.enable_user(name text, reason text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'enable_user_wrapper';
COMMENT ON FUNCTION vpd.enable_user IS
'Lets a disabled user in again. Returns false when he was not disabled. Errors: 42704 user_not_found, 42501 definition_seeded, sod_conflict.';

CREATE FUNCTION vpd.define_group(name text, description text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'define_group_wrapper';
COMMENT ON FUNCTION vpd.define_group IS
'Defines a group. Users and groups become members with vpd.grant_authority(''group:name'', ''user:alice''). Errors: 22023 argument_invalid, 42501 definition_seeded.';

CREATE FUNCTION vpd.manager_chain(user_name text) RETURNS TABLE (level integer, manager text)
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 5
    AS 'MODULE_PATHNAME', 'manager_chain_wrapper';
COMMENT ON FUNCTION vpd.manager_chain IS
'The managers above a user, level 1 the nearest: the way a task escalates. Told to the user''s own session, to those above him, and to whoever may read vpd.users.
Errors: 42501 privilege_missing.';

CREATE FUNCTION vpd.direct_reports(user_name text) RETURNS SETOF text
    LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 10
    AS 'MODULE_PATHNAME', 'direct_reports_wrapper';
COMMENT ON FUNCTION vpd.direct_reports IS 'Users whose manager the user is; told to the same as vpd.manager_chain. Errors: 42501 privilege_missing.';

CREATE FUNCTION vpd.may_reassign(task_owner text) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'may_reassign_wrapper';
COMMENT ON FUNCTION vpd.may_reassign IS
'True when the attached session''s user is the manager of the owner of a task: a manager may reassign tasks of direct reports only. Reads memory.';

CREATE VIEW vpd_private.user_profile AS
    SELECT a.id,
           a.name,
           a.is_enabled,
           a.seeded_by,
           a.created_at,
           believed.display_name,
           believed.unit,
           m.name AS manager,
           coalesce(believed.attributes, '{}') AS attributes,
           coalesce(believed.is_test, false) AS is_test,
           coalesce(believed.sources, '{}') AS sources
      FROM vpd_private.authority a
      LEFT JOIN LATERAL (
           SELECT (array_agg(u.display_name ORDER BY s.precedence) FILTER (WHERE u.display_name IS NOT NULL))[1] AS display_name,
                  (array_agg(u.unit ORDER BY s.precedence) FILTER (WHERE u.unit IS NOT NULL))[1] AS unit,
                  (array_agg(u.manager_id ORDER BY s.precedence) FILTER (WHERE u.manager_id IS NOT NULL))[1] AS manager_id,
                  bool_or(u.is_test) AS is_test,
                  array_agg(u.source ORDER BY s.precedence) AS sources,
                  (
                      SELECT jsonb_object_agg(e.key, e.value)
                        FROM (
                            SELECT DISTINCT ON (x.key) x.key, x.value
                              FROM vpd_private.user_account ux
                              JOIN vpd_private.identity_source sx ON sx.name = ux.source
                             CROSS JOIN jsonb_each(ux.attributes) x
                             WHERE ux.user_id = a.id
                             ORDER BY x.key, sx.precedence
                        ) e
                  ) AS attributes
             FROM vpd_private.user_account u
             JOIN vpd_private.identity_source s ON s.name = u.source
            WHERE u.user_id = a.id
       ) believed ON true
      LEFT JOIN vpd_private.authority m ON m.id = believed.manager_id AND m.dropped_at IS NULL
     WHERE a.kind = 'user'
       AND a.dropped_at IS NULL;
COMMENT ON VIEW vpd_private.user_profile IS 'Each user as the sources together tell of him.';
COMMENT ON COLUMN vpd_private.user_profile.name IS 'Name of the user.';
COMMENT ON COLUMN vpd_private.user_profile.manager IS 'Name of the users manager.';
COMMENT ON COLUMN vpd_private.user_profile.attributes IS 'Free attributes, those of all sources put together.';
COMMENT ON COLUMN vpd_private.user_profile.sources IS 'Sources that tell of the user, the one that is believed first in front.';

CREATE VIEW vpd_private.user_document AS
    SELECT a.id AS user_id,
           coalesce(believed.attributes, '{}') || jsonb_build_object('user_name', a.name, 'unit', believed.unit) AS document
      FROM vpd_private.authority a
     CROSS JOIN LATERAL (
           -- Of two values of one key the last stays.
           SELECT jsonb_object_agg(x.key, x.value ORDER BY s.precedence DESC) FILTER (WHERE x.key IS NOT NULL) AS attributes,
                  (array_agg(u.unit ORDER BY s.precedence) FILTER (WHERE u.unit IS NOT NULL))[1] AS unit
             FROM vpd_private.user_account u
             JOIN vpd_private.identity_source s ON s.name = u.source
             LEFT JOIN LATERAL jsonb_each(u.attributes) x ON true
            WHERE u.user_id = a.id
       ) believed
     WHERE a.kind = 'user'
       AND a.dropped_at IS NULL;
COMMENT ON VIEW vpd_private.user_document IS 'What rules of parametric roles read of each user.';
COMMENT ON COLUMN vpd_private.user_document.document IS 'Attributes, with user_name and unit among them.';

CREATE VIEW vpd.users AS
    SELECT name, display_name, is_enabled, unit, manager, attributes, is_test, sources, seeded_by, created_at
      FROM vpd_private.user_profile;
COMMENT ON VIEW vpd.users IS 'Users, as their sources together tell of them; where two disagree the one with the lower precedence counts.';

CREATE VIEW vpd.sources AS
    SELECT s.name,
           s.precedence,
           s.description,
           (SELECT count(*) FROM vpd_private.user_account u WHERE u.source = s.name) AS users
      FROM vpd_private.identity_source s;
COMMENT ON VIEW vpd.sources IS 'Identity sources in no order; the lowest precedence is believed first.';
COMMENT ON COLUMN vpd.sources.users IS 'How many users it tells of.';

CREATE VIEW vpd.units AS
    SELECT name, parent, description
      FROM vpd_private.unit;
COMMENT ON VIEW vpd.units IS 'Organization units.';

CREATE VIEW vpd.groups AS
    SELECT name, description, is_enabled, seeded_by, created_at
      FROM vpd_private.authority
     WHERE kind = 'group'
       AND dropped_at IS NULL;
COMMENT ON VIEW vpd.groups IS 'Groups; vpd.grants tells who is in them.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'define_source'),
    ('security_admin', 'define_unit'),
    ('security_admin', 'drop_source'),
    ('security_admin', 'drop_unit'),
    ('security_admin', 'define_user'),
    ('security_admin', 'disable_user'),
    ('security_admin', 'enable_user'),
    ('security_admin', 'define_group'),
    ('security_admin', 'manager_chain'),
    ('security_admin', 'direct_reports'),
    ('security_admin', 'users'),
    ('security_admin', 'sources'),
    ('security_admin', 'units'),
    ('security_admin', 'groups'),
    ('auditor', 'manager_chain'),
    ('auditor', 'direct_reports'),
    ('auditor', 'users'),
    ('auditor', 'sources'),
    ('auditor', 'units'),
    ('auditor', 'groups'),
    ('runtime', 'manager_chain'),
    ('runtime', 'direct_reports');
