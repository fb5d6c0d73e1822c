//! Installing and removing: a second database, no trace afterwards, a neighbour untouched.

use std::collections::BTreeSet;

use postgres::Client;
use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, Subject, add_policy, assert_denied,
    create_orders, expected_ids, fresh_ids, protected_orders, refusal, role,
};

/// Everything the catalogue knows about a database that an extension could leave behind.
const TRACES: &str = "
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'relation ' || oid::regclass || ' ' || relrowsecurity || relforcerowsecurity || coalesce(relacl::text, '')
            FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace AND relkind <> 't' AND NOT relisshared
UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc
UNION ALL SELECT 'type ' || oid::regtype FROM pg_type WHERE typnamespace <> 'pg_toast'::regnamespace
UNION ALL SELECT 'policy ' || polname || ' on ' || polrelid::regclass FROM pg_policy
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
UNION ALL SELECT 'extension ' || extname FROM pg_extension
UNION ALL SELECT 'default acl ' || oid FROM pg_default_acl
UNION ALL SELECT 'cast ' || castsource::regtype || castfunc FROM pg_cast
UNION ALL SELECT 'operator ' || oid::regoperator FROM pg_operator
UNION ALL SELECT 'language ' || lanname FROM pg_language";

const ROLES: &str = "SELECT rolname::text FROM pg_roles";

fn snapshot(client: &mut Client, query: &str) -> Result<BTreeSet<String>> {
    Ok(client.query(query, &[])?.iter().map(|row| row.get(0)).collect())
}

#[test]
fn dropping_the_extension_leaves_no_trace() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE EXTENSION pgcrypto; CREATE TABLE shop.native (id integer); ALTER TABLE shop.native ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON shop.native USING (id = 1)",
    )?;
    let before = snapshot(&mut admin, TRACES)?;
    database.install_extension()?;
    assert_ne!(
        snapshot(&mut admin, TRACES)?,
        before,
        "control: the extension is in the catalogue"
    );
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?;
    add_policy(&mut security, "shop.native", "none", "false")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    admin.batch_execute("DROP EXTENSION pg_vpd CASCADE")?;
    assert_eq!(snapshot(&mut admin, TRACES)?, before);
    assert_eq!(
        fresh_ids(&database, None, "SELECT id FROM shop.orders")?.len(),
        40,
        "the table is as it was"
    );
    Ok(())
}

#[test]
fn no_role_is_created_or_left() -> Result<()> {
    let database = Database::create_bare()?;
    let mut admin = database.admin()?;
    let before = snapshot(&mut admin, ROLES)?;
    database.install_extension()?;
    admin.batch_execute("DROP EXTENSION pg_vpd CASCADE")?;
    let after = snapshot(&mut admin, ROLES)?;
    // Other tests may create roles of their own meanwhile; ours would carry our name.
    assert!(
        after.difference(&before).all(|name| !name.contains("vpd")),
        "{after:?}"
    );
    Ok(())
}

#[test]
fn it_can_be_dropped_and_created_again() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute("DROP EXTENSION pg_vpd CASCADE")?;
    database.install_extension()?;
    assert_eq!(
        fresh_ids(&database, None, "SELECT id FROM shop.orders")?.len(),
        40
    );
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}

#[test]
fn an_open_connection_follows_a_drop_and_a_create() -> Result<()> {
    let database = protected_orders()?;
    let mut user = database.connect(role::USER)?;
    let count = "SELECT count(*) FROM shop.orders";
    let prepared = user.prepare(count)?;
    let mut seen = || -> Result<i64> { Ok(user.query_one(&prepared, &[])?.get(0)) };
    for _ in 0..8 {
        assert_eq!(seen()?, 0);
    }
    database.admin()?.batch_execute("DROP EXTENSION pg_vpd CASCADE")?;
    assert_eq!(seen()?, 40);
    database.install_extension()?;
    assert_eq!(seen()?, 40);
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    assert_eq!(seen()?, 0);
    Ok(())
}

#[test]
fn two_databases_of_a_cluster_know_nothing_of_each_other() -> Result<()> {
    let first = protected_orders()?;
    let second = Database::create()?;
    create_orders(&second)?;
    let token = Subject::in_region("alice", "East").log_in(&first)?;
    let mut user = second.connect(role::USER)?;
    vpd_tests::assert_refused(vpd_tests::attach(&mut user, &token), "28000", "session_invalid");
    assert_eq!(fresh_ids(&second, None, "SELECT id FROM shop.orders")?.len(), 40);
    second
        .connect(role::SECURITY)?
        .execute("SELECT vpd.end_all_sessions()", &[])?;
    assert_eq!(
        fresh_ids(&first, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}

#[test]
fn a_database_without_the_extension_is_untouched() -> Result<()> {
    let _with = protected_orders()?;
    let without = Database::create_bare()?;
    create_orders(&without)?;
    let mut admin = without.admin()?;
    let traces = snapshot(&mut admin, TRACES)?;
    assert!(traces.iter().all(|trace| !trace.contains("vpd")), "{traces:?}");
    admin.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON shop.orders USING (id < 3);
         CREATE SCHEMA vpd; CREATE FUNCTION vpd.guard() RETURNS boolean LANGUAGE sql AS 'SELECT false'",
    )?;
    assert_eq!(fresh_ids(&without, None, "SELECT id FROM shop.orders")?, [1, 2]);
    Ok(())
}

#[test]
fn creating_databases_works_while_the_launcher_runs() -> Result<()> {
    // CREATE DATABASE fails while somebody is connected to its template.
    for _ in 0..20 {
        Database::create_bare()?;
    }
    Ok(())
}

#[test]
fn only_a_superuser_installs_it() -> Result<()> {
    let database = Database::create_bare()?;
    let name = database.name();
    database
        .admin()?
        .batch_execute(&format!("GRANT ALL ON DATABASE {name} TO app_owner"))?;
    assert_denied(
        database
            .connect(role::OWNER)?
            .batch_execute("CREATE EXTENSION pg_vpd CASCADE"),
    );
    Ok(())
}

#[test]
fn hostile_objects_planted_beforehand_are_not_used() -> Result<()> {
    let database = Database::create_bare()?;
    database.admin()?.batch_execute(
        "GRANT CREATE ON SCHEMA public TO app_stranger;
         SET ROLE app_stranger;
         CREATE TABLE public.heist (who text);
         CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
             AS 'INSERT INTO public.heist VALUES (current_user); SELECT pg_catalog.clock_timestamp()';
         CREATE FUNCTION public.least_evil(text, text) RETURNS boolean LANGUAGE sql
             AS 'INSERT INTO public.heist VALUES (current_user); SELECT true';
         CREATE OPERATOR public.= (FUNCTION = public.least_evil, LEFTARG = text, RIGHTARG = text)",
    )?;
    database.install_extension()?;
    create_orders(&database)?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    assert!(
        database
            .admin()?
            .query("SELECT FROM public.heist", &[])?
            .is_empty()
    );
    Ok(())
}

#[test]
fn a_planted_schema_of_the_same_name_stops_the_installation() -> Result<()> {
    let database = Database::create_bare()?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA vpd AUTHORIZATION app_stranger")?;
    assert!(
        database
            .admin()?
            .batch_execute("CREATE EXTENSION pg_vpd CASCADE")
            .is_err()
    );
    Ok(())
}

#[test]
fn a_publication_of_all_tables_stops_nothing() -> Result<()> {
    let database = vpd_tests::protected_orders()?;
    let token = vpd_tests::Subject::in_region("alice", "East").log_in(&database)?;
    let mut admin = database.admin()?;
    let bare = admin.query(
        "SELECT c.relname::text FROM pg_class c
          WHERE c.relnamespace = 'vpd_private'::regnamespace AND c.relkind = 'r' AND c.relreplident <> 'f'
            AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)",
        &[],
    )?;
    let bare: Vec<String> = bare.iter().map(|row| row.get(0)).collect();
    assert!(bare.is_empty(), "changes of {bare:?} cannot be published");
    admin.batch_execute(
        "CREATE PUBLICATION everything FOR ALL TABLES;
         CREATE TABLE shop.notes (id integer PRIMARY KEY);
         DROP TABLE shop.notes;
         SELECT vpd.grant_exempt('app_stranger', 'a test');
         SELECT vpd.revoke_exempt('app_stranger');
         UPDATE vpd_private.session SET last_access_at = last_access_at - interval '5 minutes'",
    )?;
    assert_eq!(
        vpd_tests::fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        vpd_tests::expected_ids("East"),
        "attaching moves the idle clock"
    );
    admin.batch_execute("SELECT vpd.purge(); SELECT vpd.end_all_sessions(); SELECT vpd.purge()")?;
    Ok(())
}

#[test]
fn creating_it_without_the_preloaded_library_is_warned_of_at_once() -> Result<()> {
    for (library, is_warned) in [(Library::NotPreloaded, true), (Library::Preloaded, false)] {
        let cluster = Cluster::start(&Extension::debug()?, library, "")?;
        let database = Database::create_bare_in(&cluster)?;
        let (mut admin, notices) = database.connect_noticing("postgres")?;
        admin.batch_execute("CREATE EXTENSION pg_vpd CASCADE")?;
        let told = notices.take();
        let found = told.iter().any(|notice| {
            notice.code().code() == "01000"
                && notice
                    .detail()
                    .is_some_and(|detail| detail.contains("library_not_preloaded"))
                && notice.hint().is_some()
        });
        assert_eq!(found, is_warned, "{library:?}: {told:?}");
    }
    Ok(())
}

#[test]
fn another_schema_is_refused_because_its_own_are_fixed() -> Result<()> {
    let database = Database::create_bare()?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE SCHEMA other; CREATE EXTENSION pgcrypto")?;
    let refused = refusal(admin.batch_execute("CREATE EXTENSION pg_vpd SCHEMA other"));
    assert_eq!(refused.state.code(), "0A000", "{refused:?}");
    admin.batch_execute("CREATE EXTENSION pg_vpd CASCADE")?;
    let refused = refusal(admin.batch_execute("ALTER EXTENSION pg_vpd SET SCHEMA other"));
    assert_eq!(refused.state.code(), "0A000", "{refused:?}");
    Ok(())
}

#[test]
fn a_library_named_without_its_folder_is_known_as_itself() -> Result<()> {
    let database = protected_orders()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION shop.enter(who text) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('ctx', 'who', who); END$$;
         SELECT vpd.create_context('ctx', 'shop.enter')",
    )?;
    for path in ["$libdir/pg_vpd", "pg_vpd", "pg_vpd.so"] {
        // As a control file with another module_pathname would have it.
        let changed = admin.execute(
            "UPDATE pg_proc SET probin = $1 WHERE probin ~ 'pg_vpd(.so)?$'",
            &[&path],
        )?;
        assert!(changed > 100, "control: {changed} functions");
        let mut user = database.connect(role::USER)?;
        user.batch_execute("BEGIN; SELECT vpd.attach_anonymous(); SELECT shop.enter('boss')")?;
        let who: Option<String> = user
            .query_one("SELECT vpd.sys_context('ctx', 'who')", &[])?
            .get(0);
        assert_eq!(who.as_deref(), Some("boss"), "{path}");
    }
    Ok(())
}

#[test]
fn a_login_that_fails_is_told_what_postgresql_tells() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "DO $$BEGIN CREATE ROLE no_login NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$;
         DO $$BEGIN CREATE ROLE full_login LOGIN CONNECTION LIMIT 0; EXCEPTION WHEN duplicate_object THEN NULL; END$$",
    )?;
    let mut nowhere = database.config("app_user");
    nowhere.dbname("no_such_database");
    for (config, state) in [
        (database.config("no_such_role"), "28000"),
        (database.config("no_login"), "28000"),
        (database.config("full_login"), "53300"),
        (nowhere, "3D000"),
    ] {
        let refused = config.connect(postgres::NoTls).err();
        let refused = refused
            .as_ref()
            .and_then(|error| error.code())
            .map(|code| code.code());
        assert_eq!(refused, Some(state), "{config:?}");
    }
    Ok(())
}
