-- The extension, and the three roles that programs log in with (RW-9). Passwords come from credential files and are set by `migrate`,
-- not here. Roles belong to the cluster: one that exists already, because another database of it was migrated before, is kept.

CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_vpd;

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['vpd_runtime', 'vpd_bridge', 'vpd_keys'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', role_name);
        END IF;
    END LOOP;
END
$$;
COMMENT ON ROLE vpd_runtime IS 'Applications read and write under policy with this role.';
COMMENT ON ROLE vpd_bridge IS 'The session bridge creates sessions from identity tokens, tickets and messages with this role; it reads no application data.';
COMMENT ON ROLE vpd_keys IS 'The process that fetches the keys of identity providers hands them in with this role; it creates no session.';

SELECT vpd.grant_profile('runtime', 'vpd_runtime');
SELECT vpd.grant_profile('bridge', 'vpd_bridge');
SELECT vpd.grant_profile('key_steward', 'vpd_keys');

-- None needs more of the database than its own functions and what is granted to it by name.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
