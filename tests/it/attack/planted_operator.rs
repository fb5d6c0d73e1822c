//! The extension reads its own tables as a superuser. A path is a setting of the caller: whoever plants an operator, a function or a
//! relation before the server's own must not see it used with those rights.

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, VERIFIER, assert_refused, attach, challenge, create_orders, expected_ids, ids,
    outcome, role,
};

/// Somebody who may make a schema puts a trap there for every comparison and every simple function the server has, on the types our
/// statements use. A trap counts, which no rollback takes back, when it runs with the rights of
/// somebody who is not connected; and it answers as the original does, so that nothing else goes wrong.
const TRAPS: &str = r"
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE evil.sprung;
GRANT ALL ON SEQUENCE evil.sprung TO PUBLIC;
CREATE FUNCTION evil.note() RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS
    $$ BEGIN IF current_user <> session_user THEN PERFORM nextval('evil.sprung'); END IF; END $$;
DO $do$
DECLARE
    trap record;
BEGIN
    FOR trap IN
        SELECT o.oprname AS name, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r, row_number() OVER () AS number
          FROM pg_operator o
         WHERE o.oprleft <> 0 AND o.oprresult = 'boolean'::regtype
           AND o.oprleft = ANY ('{text,name,oid,bytea,uuid,integer,bigint,smallint,boolean,timestamptz,jsonb}'::regtype[])
           AND o.oprright = ANY ('{text,name,oid,bytea,uuid,integer,bigint,smallint,boolean,timestamptz,jsonb}'::regtype[])
    LOOP
        EXECUTE format(
            'CREATE FUNCTION evil.compare_%s(a %s, b %s) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
                 $$ BEGIN PERFORM evil.note(); RETURN a OPERATOR(pg_catalog.%s) b; END $$;
             CREATE OPERATOR evil.%s (FUNCTION = evil.compare_%s, LEFTARG = %s, RIGHTARG = %s)',
            trap.number, trap.l, trap.r, trap.name, trap.name, trap.number, trap.l, trap.r);
    END LOOP;
    FOR trap IN
        SELECT f.proname AS name, pg_get_function_identity_arguments(f.oid) AS arguments, pg_get_function_result(f.oid) AS result,
               (SELECT string_agg('$' || n, ', ') FROM generate_series(1, f.pronargs) n) AS passed
          FROM pg_proc f
         WHERE f.pronamespace = 'pg_catalog'::regnamespace AND f.prokind = 'f' AND NOT f.proretset
           AND f.provariadic = 0 AND f.pronargs BETWEEN 0 AND 3
           AND f.proname IN ('now', 'clock_timestamp', 'lower', 'upper', 'sha256', 'encode', 'quote_ident', 'format_type', 'length', 'to_regclass',
                             'gen_random_uuid', 'pg_my_temp_schema', 'txid_current', 'pg_current_xact_id', 'array_to_string', 'jsonb_typeof',
                             'pg_get_userbyid', 'pg_has_role', 'has_table_privilege', 'make_interval', 'left', 'right', 'substr', 'md5')
           AND NOT EXISTS (SELECT FROM unnest(f.proargtypes) t WHERE t IN (2276, 2281, 2277, 2283))
    LOOP
        EXECUTE format(
            'CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql VOLATILE AS
                 $$ BEGIN PERFORM evil.note(); RETURN pg_catalog.%I(%s); END $$',
            trap.name, trap.arguments, trap.result, trap.name, trap.passed);
    END LOOP;
    FOR trap IN
        SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
           AND has_table_privilege(c.oid, 'SELECT')
    LOOP
        EXECUTE format(
            'CREATE FUNCTION evil.filter_%1$s() RETURNS SETOF pg_catalog.%1$I LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM evil.note(); RETURN QUERY SELECT * FROM pg_catalog.%1$I; END $$', trap.name);
    END LOOP;
END $do$;
";

/// Views named as the tables of the catalogue, in the schema of temporary objects, which unless told otherwise comes first of all.
const TEMPORARY_VIEWS: &str = r"
DO $do$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{pg_class,pg_namespace,pg_proc,pg_inherits,pg_index,pg_roles,pg_depend,pg_rewrite,pg_constraint}'::text[]
    LOOP
        EXECUTE format('CREATE TEMPORARY VIEW %1$I AS SELECT * FROM evil.filter_%1$s(); GRANT SELECT ON pg_temp.%1$I TO PUBLIC', name);
    END LOOP;
END $do$;
";

const PATHS: [&str; 4] = [
    "evil, pg_catalog",
    "evil, vpd, pg_temp, pg_catalog",
    "public",
    "pg_temp, evil, pg_catalog",
];

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let name = database.name();
    database.admin()?.batch_execute(&format!(
        "GRANT CREATE, TEMPORARY ON DATABASE {name} TO app_stranger, app_owner;
         CREATE TABLE shop.parent (id integer, region text) PARTITION BY LIST (region); ALTER TABLE shop.parent OWNER TO app_owner"
    ))?;
    database.connect(role::STRANGER)?.batch_execute(TRAPS)?;
    Ok(database)
}

/// True when a trap ran with the rights of somebody else.
fn has_sprung(database: &Database<'_>) -> Result<bool> {
    let row = database
        .admin()?
        .query_one("SELECT is_called FROM evil.sprung", &[])?;
    Ok(row.get(0))
}

/// A connection with the path, on which catalogue names are planted as well.
fn connect(database: &Database<'_>, role: &str, path: &str) -> Result<Client> {
    let mut client = database.connect(role)?;
    client.batch_execute(TEMPORARY_VIEWS)?;
    client.batch_execute(&format!("SET search_path = {path}"))?;
    Ok(client)
}

#[test]
fn control_a_function_of_a_superuser_without_a_path_of_its_own_runs_the_traps() -> Result<()> {
    let database = scene()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION public.applications() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS
             $$ BEGIN RETURN (SELECT count(*) FROM vpd_private.app WHERE name = 'portal'::text); END $$;
         CREATE FUNCTION public.relations() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS
             $$ BEGIN RETURN (SELECT count(*) FROM pg_class); END $$",
    )?;
    let mut user = connect(&database, role::USER, "public")?;
    user.query("SELECT public.relations()", &[])?;
    assert!(has_sprung(&database)?, "by a relation in pg_temp");
    database
        .admin()?
        .batch_execute("ALTER SEQUENCE evil.sprung RESTART")?;
    assert!(!has_sprung(&database)?);
    let mut user = connect(&database, role::USER, "evil, pg_catalog")?;
    user.query("SELECT public.applications()", &[])?;
    assert!(has_sprung(&database)?, "by an operator");
    Ok(())
}

#[test]
fn sessions_and_filtered_reads_use_nothing_planted() -> Result<()> {
    let database = scene()?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.add_policy('shop.orders', 'by_region', $$region = vpd.attribute('app', 'region')$$);
         SELECT vpd.add_mask('shop.orders', 'amount', mask => '0', visible_when => $$vpd.has_privilege('amounts')$$)",
    )?;
    for path in PATHS {
        let mut bridge = connect(&database, role::BRIDGE, path)?;
        let token = Subject::in_region("alice", "East").log_in_with(&mut bridge)?;
        let mut user = connect(&database, role::USER, path)?;
        assert_refused(attach(&mut user, &token), "0A000", "outlives_session");
        let mut user = database.connect(role::USER)?;
        // Twice: what a statement was prepared with is looked at again when it runs again.
        for _ in 0..2 {
            user.batch_execute(&format!("SET search_path = {path}"))?;
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            session.batch_execute(TEMPORARY_VIEWS)?;
            session.batch_execute(&format!("SET search_path = {path}"))?;
            assert_eq!(
                ids(&mut session, "SELECT id FROM shop.orders")?,
                expected_ids("East"),
                "{path}"
            );
            session.query("SELECT amount FROM shop.orders", &[])?;
            session.query("SELECT * FROM vpd.current_session()", &[])?;
            session.rollback()?;
        }
        let ticket: Option<String> = bridge
            .query_one(
                "SELECT vpd.issue_ticket($1, 'floor', $2)",
                &[&token, &challenge(VERIFIER)],
            )?
            .get(0);
        bridge.query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])?;
        bridge.query_one("SELECT vpd.record_message($1, 'floor')", &[&token])?;
        bridge.query("SELECT * FROM vpd.browse_queue($1)", &[&token])?;
        bridge.execute("SELECT vpd.end_session($1)", &[&token])?;
        assert!(!has_sprung(&database)?, "{path}");
    }
    Ok(())
}

#[test]
fn administration_and_the_tables_it_follows_use_nothing_planted() -> Result<()> {
    let database = scene()?;
    for (number, path) in PATHS.into_iter().enumerate() {
        let mut security = connect(&database, role::SECURITY, path)?;
        for statement in [
            "SELECT vpd.add_policy('shop.orders', 'p', 'id > 0')",
            "SELECT vpd.alter_policy('shop.orders', 'p', predicate => 'id > 1')",
            "SELECT vpd.shadow_policy('shop.orders', 'p', predicate => 'id > 2')",
            "SELECT vpd.promote_policy('shop.orders', 'p')",
            "SELECT vpd.add_mask('shop.orders', 'amount', mask => '0', visible_when => 'false')",
            "SELECT vpd.drop_mask('shop.orders', 'amount')",
            "SELECT vpd.effective_predicate('shop.orders')",
            "SELECT vpd.drop_policy('shop.orders', 'p')",
            "SELECT vpd.add_policy('shop.parent', 'p', 'id > 0')",
            "SELECT vpd.register_app('another', 'retail')",
            "SELECT vpd.end_user_sessions('nobody')",
            "SELECT count(*) FROM vpd.posture()",
        ] {
            // A few are not for this role, or do not fit together: what counts is whose rights the traps get.
            let _result = outcome(security.simple_query(statement));
        }
        let mut owner = connect(&database, role::OWNER, path)?;
        for statement in [
            format!("CREATE TABLE shop.part_{number} PARTITION OF shop.parent FOR VALUES IN ('{number}')"),
            format!("ALTER TABLE shop.part_{number} ADD CHECK (id > 0)"),
            format!("CREATE VIEW shop.seen_{number} AS SELECT * FROM shop.parent"),
            format!("DROP TABLE shop.part_{number}"),
            "CREATE TEMPORARY TABLE t (id integer)".to_owned(),
        ] {
            let _result = outcome(owner.batch_execute(&statement));
        }
        let mut security = connect(&database, role::SECURITY, path)?;
        let _result = outcome(security.simple_query("SELECT vpd.drop_policy('shop.parent', 'p')"));
        let mut auditor = connect(&database, role::AUDITOR, path)?;
        let _result = outcome(auditor.simple_query("SELECT count(*) FROM vpd.posture()"));
        assert!(!has_sprung(&database)?, "{path}");
    }
    Ok(())
}
