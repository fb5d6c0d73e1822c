//! PostgreSQL lets everybody execute a new function. A role without a profile must not reach ours, by any name.

use vpd_tests::{
    Database, Result, Subject, assert_denied, attach, expected_ids, ids, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// A role that may read the table but has no profile.
fn let_stranger_read(database: &Database<'_>) -> Result<()> {
    Ok(database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_stranger")?)
}

#[test]
fn control_a_c_function_left_to_public_attaches_for_anyone() -> Result<()> {
    let database = protected_orders()?;
    let_stranger_read(&database)?;
    database.admin()?.batch_execute(
        "DO $$ BEGIN EXECUTE (SELECT format(
            'CREATE FUNCTION public.attach(text) RETURNS void LANGUAGE c STRICT SECURITY DEFINER AS %L, %L', probin, prosrc)
            FROM pg_proc WHERE oid = 'vpd.attach_session'::regproc); END $$",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut stranger = database.connect(role::STRANGER)?;
    let mut transaction = stranger.transaction()?;
    transaction.execute("SELECT public.attach($1)", &[&token])?;
    assert_eq!(ids(&mut transaction, ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_stolen_token_is_of_no_use_to_a_role_without_a_profile() -> Result<()> {
    let database = protected_orders()?;
    let_stranger_read(&database)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert_denied(attach(&mut stranger, &token));
    assert!(ids(&mut stranger, ORDERS)?.is_empty());
    Ok(())
}

/// A value of each type that an argument of ours has. NULL would not do: a strict function is not even looked up for it.
const VALUES: &str = "CASE format_type(t, NULL)
    WHEN 'text' THEN '''x''::text' WHEN 'text[]' THEN '''{}''::text[]' WHEN 'jsonb' THEN '''{}''::jsonb'
    WHEN 'boolean' THEN 'true' WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1::bigint' WHEN 'uuid' THEN 'gen_random_uuid()'
    WHEN 'regclass' THEN '''pg_class''::regclass' WHEN 'regproc' THEN '''pg_catalog.version''::regproc'
    WHEN 'bytea' THEN '''x''::bytea' WHEN 'regrole' THEN '''app_user''::regrole' WHEN 'interval' THEN '''1 hour''::interval'
    WHEN 'inet' THEN '''127.0.0.1''::inet' WHEN 'timestamp with time zone' THEN 'now()' END";

#[test]
fn every_function_that_is_not_on_the_allow_list_is_closed() -> Result<()> {
    let database = Database::create()?;
    let query = format!(
        "SELECT format(CASE p.prokind WHEN 'p' THEN 'CALL %s(%s)' ELSE 'SELECT %s(%s)' END, p.oid::regproc,
                       (SELECT string_agg(CASE WHEN p.provariadic <> 0 AND n = p.pronargs THEN 'VARIADIC ' ELSE '' END || {VALUES}, ', ' ORDER BY n)
                          FROM unnest(p.proargtypes) WITH ORDINALITY u (t, n)))
           FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
           JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_vpd'
          WHERE p.prorettype <> 'event_trigger'::regtype
            AND 'internal'::regtype <> ALL (p.proargtypes)
            AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)"
    );
    let calls = database.admin()?.query(&query, &[])?;
    assert!(calls.len() > 25, "{}", calls.len());
    let mut stranger = database.connect(role::STRANGER)?;
    for call in &calls {
        assert_denied(stranger.query(call.get::<_, &str>(0), &[]));
    }
    Ok(())
}

#[test]
fn a_plain_role_cannot_bind_the_library_to_a_name_of_its_own() -> Result<()> {
    let database = Database::create()?;
    let (library, symbol): (String, String) = {
        let row = database.admin()?.query_one(
            "SELECT probin, prosrc FROM pg_proc WHERE oid = 'vpd.create_session'::regproc",
            &[],
        )?;
        (row.get(0), row.get(1))
    };
    for role in role::ALL {
        let mut client = database.connect(role)?;
        let create = format!(
            "CREATE FUNCTION pg_temp.mine(text, text) RETURNS text LANGUAGE c AS '{library}', '{symbol}'"
        );
        assert_denied(client.batch_execute(&create));
        assert_denied(client.batch_execute(&format!("LOAD '{library}'")));
    }
    Ok(())
}

#[test]
fn a_function_is_not_reached_through_an_operator_a_cast_or_an_aggregate() -> Result<()> {
    let database = Database::create()?;
    database
        .admin()?
        .batch_execute("GRANT CREATE ON SCHEMA public TO app_stranger")?;
    let mut stranger = database.connect(role::STRANGER)?;
    for attempt in [
        "CREATE OPERATOR public.@@@@ (FUNCTION = vpd.end_session, LEFTARG = text, RIGHTARG = text)",
        "CREATE AGGREGATE public.grab(text) (SFUNC = vpd.issue_ticket, STYPE = text)",
        "CREATE AGGREGATE public.grab(text, text) (SFUNC = vpd.redeem_ticket, STYPE = text)",
    ] {
        // Some versions check when the object is made, some when it is used: either way the call fails.
        if stranger.batch_execute(attempt).is_ok() {
            let used = if attempt.contains("OPERATOR") {
                stranger.query("SELECT 'a'::text OPERATOR(public.@@@@) 'b'::text", &[])
            } else {
                stranger.query("SELECT public.grab('a', 'b')", &[])
            };
            assert_denied(used);
        }
    }
    Ok(())
}
