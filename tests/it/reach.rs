//! Commands around a protected table that are allowed: what they show is what the policies allow, or nothing of the rows.

use vpd_tests::{
    Database, Notices, Refusal, Result, Subject, assert_denied, assert_refused, attach, expected_ids,
    fresh_ids, ids, outcome, protected_orders, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

fn east() -> Result<(Database<'static>, String)> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    Ok((database, token))
}

/// Whoever reads the table sees what the policies allow, before and after a change.
fn assert_protected(database: &Database<'_>, token: &str, table: &str, after: &str) -> Result<()> {
    let query = format!("SELECT id FROM {table}");
    assert!(fresh_ids(database, None, &query)?.is_empty(), "after {after}");
    assert_eq!(
        fresh_ids(database, Some(token), &query)?,
        expected_ids("East"),
        "after {after}"
    );
    Ok(())
}

#[test]
fn changes_of_the_table_keep_it_protected() -> Result<()> {
    let (database, token) = east()?;
    database
        .admin()?
        .batch_execute("CREATE SCHEMA attic AUTHORIZATION app_owner")?;
    let mut owner = database.connect(role::OWNER)?;
    let mut table = "shop.orders";
    for change in [
        "ALTER TABLE shop.orders SET UNLOGGED",
        "ALTER TABLE shop.orders SET LOGGED",
        "ALTER TABLE shop.orders SET (fillfactor = 50)",
        "ALTER TABLE shop.orders CLUSTER ON orders_pkey",
        "CLUSTER shop.orders USING orders_pkey",
        "VACUUM FULL shop.orders",
        "REINDEX TABLE shop.orders",
        "ANALYZE shop.orders",
        "ALTER TABLE shop.orders REPLICA IDENTITY FULL",
        "ALTER TABLE shop.orders ADD COLUMN note text DEFAULT 'x'",
        "ALTER TABLE shop.orders DROP COLUMN note",
        "COMMENT ON TABLE shop.orders IS 'orders of all regions'",
        "ALTER TABLE shop.orders RENAME TO bestellungen",
        "ALTER TABLE shop.bestellungen RENAME TO orders",
        "GRANT ALL ON shop.orders TO app_stranger",
        "ALTER TABLE shop.orders SET SCHEMA attic",
    ] {
        owner.batch_execute(change)?;
        if change.ends_with("bestellungen") {
            table = "shop.bestellungen";
        } else if change.ends_with("attic") {
            database
                .admin()?
                .batch_execute("GRANT USAGE ON SCHEMA attic TO PUBLIC")?;
            table = "attic.orders";
        } else {
            table = "shop.orders";
        }
        assert_protected(&database, &token, table, change)?;
    }
    database
        .admin()?
        .batch_execute(&format!("ALTER TABLE {table} OWNER TO app_stranger"))?;
    assert_protected(&database, &token, table, "the change of its owner")?;
    assert!(
        ids(
            &mut database.connect(role::STRANGER)?,
            "SELECT id FROM attic.orders"
        )?
        .is_empty()
    );
    Ok(())
}

#[test]
fn statistics_show_their_owner_no_value() -> Result<()> {
    let (database, _) = east()?;
    database.admin()?.batch_execute(
        "CREATE STATISTICS shop.both (mcv) ON region, amount FROM shop.orders;
         CREATE STATISTICS shop.expression ON (lower(region)) FROM shop.orders; ANALYZE shop.orders",
    )?;
    for view in [
        "pg_stats WHERE tablename = 'orders'",
        "pg_stats_ext WHERE tablename = 'orders'",
        "pg_stats_ext_exprs WHERE tablename = 'orders'",
    ] {
        let query = format!("SELECT 1 FROM {view}");
        assert!(
            !ids(&mut database.admin()?, &query)?.is_empty(),
            "control: {view}"
        );
        for role in [role::OWNER, role::USER] {
            assert!(
                ids(&mut database.connect(role)?, &query)?.is_empty(),
                "{view} as {role}"
            );
        }
    }
    for table in ["pg_statistic", "pg_statistic_ext_data"] {
        assert_denied(
            database
                .connect(role::OWNER)?
                .query(&format!("SELECT FROM {table}"), &[]),
        );
    }
    Ok(())
}

#[test]
fn predefined_roles_that_read_all_data_are_under_policy() -> Result<()> {
    let (database, token) = east()?;
    database.admin()?.batch_execute(
        "DO $$ BEGIN CREATE ROLE app_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         GRANT pg_read_all_data, pg_write_all_data TO app_reader",
    )?;
    let mut reader = database.connect("app_reader")?;
    assert!(ids(&mut reader, ORDERS)?.is_empty());
    assert_eq!(reader.execute("DELETE FROM shop.orders", &[])?, 0);
    let mut session = reader.transaction()?;
    assert!(attach(&mut session, &token).is_err(), "it has no profile");
    Ok(())
}

#[test]
fn samples_row_locks_and_row_addresses_show_visible_rows_only() -> Result<()> {
    let (database, token) = east()?;
    let address: String = database
        .admin()?
        .query_one(
            "SELECT ctid::text FROM shop.orders WHERE region = 'West' LIMIT 1",
            &[],
        )?
        .get(0);
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    for query in [
        "SELECT id FROM shop.orders TABLESAMPLE system (100)",
        "SELECT id FROM shop.orders TABLESAMPLE bernoulli (100)",
        "SELECT id FROM shop.orders FOR UPDATE",
        "SELECT id FROM shop.orders FOR KEY SHARE SKIP LOCKED",
        "TABLE shop.orders",
        "SELECT (o).id FROM (SELECT o FROM shop.orders o) x",
    ] {
        assert_eq!(ids(&mut session, query)?, expected_ids("East"), "{query}");
    }
    let hidden = format!("SELECT id FROM shop.orders WHERE ctid = '{address}'");
    assert!(ids(&mut session, &hidden)?.is_empty());
    session.batch_execute("LOCK TABLE shop.orders IN ROW EXCLUSIVE MODE")?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_table_made_like_a_protected_one_has_no_rows_and_no_policies() -> Result<()> {
    let (database, _) = east()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("CREATE TABLE shop.copy (LIKE shop.orders INCLUDING ALL)")?;
    assert!(ids(&mut database.admin()?, "SELECT id FROM shop.copy")?.is_empty());
    let protected = "SELECT 1 FROM vpd.protected_tables WHERE relation = 'shop.copy'::regclass";
    assert!(ids(&mut database.admin()?, protected)?.is_empty());
    Ok(())
}

#[test]
fn a_copy_holds_what_its_maker_saw() -> Result<()> {
    let (database, token) = east()?;
    database
        .admin()?
        .batch_execute("GRANT CREATE ON SCHEMA shop TO app_user")?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.batch_execute("CREATE TABLE shop.mine AS SELECT * FROM shop.orders")?;
    session.commit()?;
    // Whoever may read rows may copy them; the copy is a table like any other.
    assert_eq!(ids(&mut user, "SELECT id FROM shop.mine")?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_plan_shows_no_value_of_the_session() -> Result<()> {
    let (database, token) = east()?;
    let mut user = database.connect(role::USER)?;
    for options in [
        "VERBOSE",
        "ANALYZE, VERBOSE",
        "FORMAT json, VERBOSE",
        "ANALYZE, BUFFERS, FORMAT xml, VERBOSE",
        "VERBOSE, SETTINGS",
    ] {
        for statement in [
            ORDERS,
            "UPDATE shop.orders SET amount = 1",
            "SELECT count(*) FROM shop.orders WHERE amount > 3",
        ] {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            let rows = session.simple_query(&format!("EXPLAIN ({options}) {statement}"))?;
            let plan = format!("{rows:?}");
            assert!(
                plan.contains("attribute"),
                "control: the predicate is in the plan: {plan}"
            );
            assert!(!plan.contains("East"), "{plan}");
        }
    }
    Ok(())
}

#[test]
fn notifications_and_large_objects_belong_to_no_table() -> Result<()> {
    let (database, _) = east()?;
    // Policies are for tables: those of the system, where large objects lie, are refused instead of seeming protected.
    let mut security = database.connect(role::SECURITY)?;
    let added = outcome(vpd_tests::add_policy(
        &mut security,
        "pg_largeobject",
        "p",
        "true",
    ));
    assert_eq!(
        added
            .err()
            .map(|refusal: Refusal| refusal.state.code().to_owned())
            .as_deref(),
        Some("42809")
    );
    Ok(())
}

#[test]
fn the_server_s_files_are_closed_to_roles_under_policy() -> Result<()> {
    let (database, _) = east()?;
    for role in [role::USER, role::OWNER] {
        let mut client = database.connect(role)?;
        for query in [
            "SELECT 1 FROM pg_read_binary_file(pg_relation_filepath('shop.orders'))",
            "SELECT 1 FROM pg_ls_dir('base')",
            "SELECT lo_import('/etc/passwd')",
            "COPY shop.orders TO '/tmp/never'",
            "COPY shop.orders TO PROGRAM 'true'",
        ] {
            assert_denied(client.batch_execute(query));
        }
    }
    Ok(())
}

#[test]
fn an_owner_may_drop_the_table_and_its_policies_go_with_it() -> Result<()> {
    let (database, _) = east()?;
    let mut owner = database.connect(role::OWNER)?;
    assert_refused(
        owner.batch_execute("TRUNCATE shop.orders"),
        "42501",
        "privilege_missing",
    );
    owner.batch_execute("DROP TABLE shop.orders")?;
    assert!(
        database
            .admin()?
            .query("SELECT FROM vpd.policies", &[])?
            .is_empty()
    );
    Ok(())
}

/// The texts of the warnings `01000 policy_bypassed` since the last call.
fn warned(notices: &Notices) -> Vec<String> {
    notices
        .take()
        .iter()
        .filter(|notice| {
            notice.code().code() == "01000"
                && notice
                    .detail()
                    .is_some_and(|detail| detail.contains("policy_bypassed"))
        })
        .map(|notice| notice.message().to_owned())
        .collect()
}

#[test]
fn who_takes_a_defence_away_is_told_which_table_that_opens() -> Result<()> {
    let (database, token) = east()?;
    let (mut admin, notices) = database.connect_noticing("postgres")?;
    admin.batch_execute(
        "CREATE TABLE shop.plain (id integer); CREATE POLICY own ON shop.plain USING (id > 0);
         ALTER TABLE shop.plain ENABLE ROW LEVEL SECURITY; CREATE POLICY before ON shop.orders USING (id > 0)",
    )?;
    let _made = warned(&notices);
    for (command, opens) in [
        ("ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY", true),
        ("ALTER TABLE shop.orders NO FORCE ROW LEVEL SECURITY", true),
        (
            "ALTER TABLE shop.orders ADD note text, DISABLE ROW LEVEL SECURITY",
            true,
        ),
        (
            "DO $$BEGIN EXECUTE 'ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY'; END$$",
            true,
        ),
        ("DROP POLICY vpd_guard ON shop.orders", true),
        ("ALTER POLICY vpd_guard ON shop.orders USING (true)", true),
        ("ALTER POLICY vpd_guard ON shop.orders RENAME TO other", true),
        ("CREATE POLICY own ON shop.orders USING (true)", true),
        ("ALTER POLICY before ON shop.orders USING (true)", true),
        ("DROP POLICY before ON shop.orders", true),
        ("DROP EXTENSION pg_vpd CASCADE", true),
        // control: none of these opens a table under policy
        (
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            false,
        ),
        ("ALTER TABLE shop.orders ADD note text", false),
        ("ALTER TABLE shop.plain DISABLE ROW LEVEL SECURITY", false),
        ("DROP POLICY own ON shop.plain", false),
        ("CREATE POLICY other ON shop.plain USING (true)", false),
    ] {
        admin.batch_execute("BEGIN")?;
        admin.batch_execute(command)?;
        admin.batch_execute("ROLLBACK")?;
        let told = warned(&notices);
        assert_eq!(
            told.iter().any(|text| text.contains("shop.orders")),
            opens,
            "{command}: {told:?}"
        );
    }
    assert_eq!(fresh_ids(&database, Some(&token), ORDERS)?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_table_on_which_row_security_is_forced_is_closed() -> Result<()> {
    let database = Database::create()?;
    vpd_tests::create_orders(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(ids(&mut user, ORDERS)?.len(), 40, "control: it is open");
    let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
    owner.batch_execute("ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY")?;
    assert!(
        notices
            .take()
            .iter()
            .any(|notice| notice.message().contains("shop.orders"))
    );
    assert!(ids(&mut user, ORDERS)?.is_empty());
    assert!(ids(&mut owner, ORDERS)?.is_empty());
    owner.batch_execute("ALTER TABLE shop.orders DISABLE ROW LEVEL SECURITY")?;
    assert_eq!(
        ids(&mut user, ORDERS)?.len(),
        40,
        "it is the owner's to open again"
    );
    Ok(())
}

#[test]
fn policies_go_with_their_table_whatever_drops_it() -> Result<()> {
    for (table, drop) in [
        ("CREATE TABLE attic.old (id integer)", "DROP TABLE attic.old"),
        ("CREATE TABLE attic.old (id integer)", "DROP SCHEMA attic CASCADE"),
        (
            "CREATE TYPE attic.kind AS (id integer); CREATE TABLE attic.old OF attic.kind",
            "DROP TYPE attic.kind CASCADE",
        ),
        (
            "CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE attic.old (id integer) USING pile",
            "DROP ACCESS METHOD pile CASCADE",
        ),
        (
            "CREATE TABLE attic.whole (id integer) PARTITION BY LIST (id); CREATE TABLE attic.old PARTITION OF attic.whole DEFAULT;
             SELECT vpd.add_policy('attic.whole', 'p', 'true')",
            "DROP TABLE attic.whole",
        ),
    ] {
        let database = Database::create()?;
        let mut admin = database.admin()?;
        admin.batch_execute("CREATE SCHEMA attic")?;
        admin.batch_execute(table)?;
        admin.batch_execute("SELECT vpd.add_policy('attic.old', 'p', 'true')")?;
        let known = "SELECT 1 FROM vpd_private.protected_table UNION ALL SELECT 1 FROM vpd_private.policy";
        assert!(ids(&mut admin, known)?.len() > 1, "control: {table}");
        admin.batch_execute(drop)?;
        assert!(ids(&mut admin, known)?.is_empty(), "{drop}");
    }
    Ok(())
}
