-- The extension, and the two roles applications log in with (RW-9). Passwords come from credential files and are set by `migrate`,
-- not here. Roles belong to the cluster: one that exists already, because another database of it was migrated before, is kept.

CREATE EXTENSION IF NOT EXISTS pg_vpd CASCADE;

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['vpd_runtime', 'vpd_bridge'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', role_name);
        END IF;
    END LOOP;
END
$$;
COMMENT ON ROLE vpd_runtime IS 'Applications read and write under policy with this role.';
COMMENT ON ROLE vpd_bridge IS 'The session bridge creates sessions, tickets and messages with this role; it reads no application data.';

SELECT vpd.grant_profile('runtime', 'vpd_runtime');
SELECT vpd.grant_profile('bridge', 'vpd_bridge');

-- Neither needs more of the database than its own functions and what is granted to it by name.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
