-- Sets the password of a login role. Role and verifier arrive as settings of the transaction, so that the verifier is in no
-- statement text and in no log.
DO $$
BEGIN
    EXECUTE format(
        'ALTER ROLE %I LOGIN PASSWORD %L',
        current_setting('session_bridge.role'),
        current_setting('session_bridge.verifier'));
END
$$;
