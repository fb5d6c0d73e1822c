-- Sets the password of a login role. Role and verifier arrive as settings of the transaction, so that the verifier is in no
-- statement text and in no log. A misspelt configuration must not change who may log in as a superuser.
DO $$
DECLARE
    role_name text := current_setting('session_bridge.role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name AND (r.rolsuper OR r.rolbypassrls)) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('role %I is a superuser or bypasses policies', role_name),
            HINT = 'Name a plain role in the configuration.';
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role_name, current_setting('session_bridge.verifier'));
END
$$;
