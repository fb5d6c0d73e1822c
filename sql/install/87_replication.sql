-- Rows that come by logical replication: they are written without the triggers that announce changes, so they have triggers of their own, which
-- fire for them alone.

CREATE FUNCTION vpd_private.rows_replicated() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'rows_replicated_wrapper';
COMMENT ON FUNCTION vpd_private.rows_replicated IS
'Makes every backend of a subscriber look again at its session, at who may do what, at exemptions, shared values and policies, when rows that came by
logical replication are committed.';

DO $$
DECLARE
    name text;
    is_of_sessions boolean;
BEGIN
    FOR name, is_of_sessions IN
        SELECT c.relname, c.relname IN ('session', 'session_token', 'session_use')
          FROM pg_class c
         WHERE c.relnamespace = 'vpd_private'::regnamespace
           AND c.relkind = 'r'
           -- Nothing is kept of what stands in these, or it is kept with what the others say.
           AND c.relname NOT IN (
               'ticket', 'message', 'queue', 'issuer', 'issuer_key', 'identity_token', 'provider_logout', 'own_issuer', 'signing_key', 'signing_secret', 'session_authority', 'job_run', 'audit_state', 'audit_checkpoint', 'audit_alarm',
               'authority_change', 'action_record', 'pseudonym', 'consent'
           )
         ORDER BY c.relname
    LOOP
        EXECUTE format(
            'CREATE TRIGGER vpd_rows_replicated AFTER INSERT OR UPDATE OR DELETE ON vpd_private.%I FOR EACH ROW EXECUTE FUNCTION vpd_private.%I()',
            name, CASE WHEN is_of_sessions THEN 'sessions_changed' ELSE 'rows_replicated' END
        );
        EXECUTE format(
            'CREATE TRIGGER vpd_table_replicated AFTER TRUNCATE ON vpd_private.%I FOR EACH STATEMENT EXECUTE FUNCTION vpd_private.rows_replicated()', name
        );
        EXECUTE format(
            'ALTER TABLE vpd_private.%I ENABLE REPLICA TRIGGER vpd_rows_replicated, ENABLE REPLICA TRIGGER vpd_table_replicated', name
        );
        EXECUTE format(
            'COMMENT ON TRIGGER vpd_rows_replicated ON vpd_private.%I IS %L', name, 'Announces rows that came by logical replication to every backend.'
        );
        EXECUTE format(
            'COMMENT ON TRIGGER vpd_table_replicated ON vpd_private.%I IS %L', name, 'Announces a TRUNCATE that came by logical replication to every backend.'
        );
    END LOOP;
END
$$;
