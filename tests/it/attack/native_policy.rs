//! PostgreSQL's own policies beside ours. Restrictive ones are evaluated first, so their functions are handed rows that ours hide;
//! a permissive one on a partition would open it to whoever reads it past its parent.

use vpd_tests::{
    BY_REGION, Database, Result, Subject, add_policy, assert_refused, create_orders, expected_ids, fresh_ids,
    ids, outcome, protected_orders, role,
};

const LEAK: &str = "
CREATE FUNCTION shop.leak(seen text) RETURNS boolean LANGUAGE plpgsql COST 0.1 AS
    $$ BEGIN RAISE NOTICE 'saw %', seen; RETURN true; END $$;
GRANT EXECUTE ON FUNCTION shop.leak TO PUBLIC;
";
const LISTENER: &str = "CREATE POLICY listener ON shop.orders AS RESTRICTIVE USING (shop.leak(region))";

#[test]
fn control_a_native_restrictive_policy_is_handed_rows_that_others_hide() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(LEAK)?;
    database.admin()?.batch_execute(LISTENER)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    assert!(ids(&mut user, "SELECT id FROM shop.orders")?.is_empty());
    let seen = notices.take();
    assert!(
        seen.iter().any(|notice| notice.message() == "saw West"),
        "{seen:?}"
    );
    Ok(())
}

#[test]
fn native_policies_are_not_changed_by_roles_under_policy() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(LEAK)?;
    database
        .admin()?
        .batch_execute("CREATE POLICY small ON shop.orders AS RESTRICTIVE USING (amount <= 100)")?;
    let mut owner = database.connect(role::OWNER)?;
    for change in [
        LISTENER,
        "CREATE POLICY open ON shop.orders USING (true)",
        "ALTER POLICY small ON shop.orders USING (shop.leak(region))",
        "ALTER POLICY small ON shop.orders RENAME TO large",
        "DROP POLICY small ON shop.orders",
        "DROP POLICY IF EXISTS small ON shop.orders",
        "SET search_path = shop; CREATE POLICY listener ON orders AS RESTRICTIVE USING (shop.leak(region))",
        "DO $$ BEGIN EXECUTE 'DROP POLICY small ON shop.orders'; END $$",
    ] {
        assert_refused(owner.batch_execute(change), "42501", "privilege_missing");
    }
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        [3, 7]
    );
    Ok(())
}

#[test]
fn native_policies_of_other_tables_stay_their_owners() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE TABLE shop.notes (id integer); ALTER TABLE shop.notes ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON shop.notes USING (id > 0); ALTER POLICY own ON shop.notes USING (id > 1);
         ALTER POLICY own ON shop.notes RENAME TO few; DROP POLICY few ON shop.notes; DROP POLICY IF EXISTS few ON shop.nothing",
    )?;
    Ok(())
}

const PARTITIONED: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.sales (id integer, region text) PARTITION BY RANGE (id);
CREATE TABLE shop.sales_1 PARTITION OF shop.sales FOR VALUES FROM (0) TO (20);
INSERT INTO shop.sales SELECT n, CASE n % 2 WHEN 0 THEN 'East' ELSE 'West' END FROM generate_series(0, 19) n;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
ALTER TABLE shop.sales_1 ENABLE ROW LEVEL SECURITY;
CREATE POLICY open ON shop.sales_1 USING (true) WITH CHECK (true);
";

#[test]
fn a_native_permissive_policy_on_a_partition_does_not_open_it() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(PARTITIONED)?;
    let direct = "SELECT id FROM shop.sales_1";
    assert_eq!(
        fresh_ids(&database, None, direct)?.len(),
        20,
        "control: the policy opens it"
    );
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.sales", "by_region", BY_REGION)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert!(
        fresh_ids(&database, None, direct)?.is_empty(),
        "without a session"
    );
    let seen = fresh_ids(&database, Some(&token), direct)?;
    assert!(seen.iter().all(|id| id % 2 == 0), "past the parent: {seen:?}");
    let through_parent = fresh_ids(&database, Some(&token), "SELECT id FROM shop.sales")?;
    assert_eq!(through_parent.len(), 10);
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    vpd_tests::attach(&mut session, &token)?;
    for write in [
        "UPDATE shop.sales_1 SET region = 'East' WHERE region = 'West'",
        "DELETE FROM shop.sales_1 WHERE region = 'West'",
    ] {
        assert_eq!(session.execute(write, &[])?, 0, "{write}");
    }
    let inserted = outcome(session.execute("INSERT INTO shop.sales_1 VALUES (7, 'West')", &[]));
    assert!(inserted.is_err());
    Ok(())
}

#[test]
fn a_native_permissive_policy_made_before_widens_nothing() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY open ON shop.orders USING (true) WITH CHECK (true)",
    )?;
    assert_eq!(
        fresh_ids(&database, None, "SELECT id FROM shop.orders")?.len(),
        40,
        "control"
    );
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.orders")?.is_empty());
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        expected_ids("East")
    );
    Ok(())
}

/// Sets of PostgreSQL's own policies. Roles that `app_user` is not a member of, and commands without a policy, are part of them.
const NATIVES: [&[&str]; 9] = [
    &["own ON {table} USING (region = 'West')"],
    &["own ON {table} USING (region = 'West') WITH CHECK (region IN ('West', 'East'))"],
    &["own ON {table} TO app_owner USING (true) WITH CHECK (true)"],
    &["reads ON {table} FOR SELECT USING (id < 20)"],
    &[
        "reads ON {table} FOR SELECT USING (id < 20)",
        "writes ON {table} FOR UPDATE TO app_user USING (id < 12) WITH CHECK (id < 50)",
    ],
    &[
        "reads ON {table} FOR SELECT TO app_user USING (id < 20)",
        "more ON {table} FOR SELECT USING (region = 'East')",
        "new ON {table} FOR INSERT WITH CHECK (region <> 'North')",
    ],
    &[
        "reads ON {table} FOR SELECT USING (true)",
        "ends ON {table} FOR DELETE USING (region = 'East')",
        "not_all ON {table} AS RESTRICTIVE USING (id % 3 <> 0)",
    ],
    &["new ON {table} FOR INSERT WITH CHECK (true)"],
    // Without a permissive one everything is as the policies of the library say.
    &["not_all ON {table} AS RESTRICTIVE FOR SELECT USING (id % 3 <> 0)"],
];

const STATEMENTS: [&str; 17] = [
    "SELECT id FROM {table}",
    "SELECT id FROM {table} FOR UPDATE",
    "SELECT id FROM {table} WHERE region = 'West' AND amount > 20",
    "UPDATE {table} SET amount = 10",
    "UPDATE {table} SET amount = amount + 1 WHERE id < 30",
    "UPDATE {table} SET region = 'East' WHERE region = 'West' RETURNING id",
    "UPDATE {table} SET amount = 1000 WHERE id = 3",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE id > 2 RETURNING id",
    "INSERT INTO {table} VALUES (60, 'West', 5)",
    "INSERT INTO {table} VALUES (60, 'East', 5) RETURNING id",
    "INSERT INTO {table} VALUES (60, 'North', 5)",
    "INSERT INTO {table} VALUES (60, 'West', 5000)",
    "INSERT INTO {table} VALUES (3, 'West', 5) ON CONFLICT (id) DO UPDATE SET amount = 7 RETURNING id",
    "INSERT INTO {table} VALUES (5, 'East', 5) ON CONFLICT (id) DO NOTHING",
    "MERGE INTO {table} t USING (VALUES (3), (60)) n (k) ON t.id = k WHEN MATCHED THEN UPDATE SET amount = 3
         WHEN NOT MATCHED THEN INSERT VALUES (k, 'West', 1)",
    "MERGE INTO {table} t USING (VALUES (7), (12)) n (k) ON t.id = k WHEN MATCHED THEN DELETE",
];

/// What the library's policy says too, as a policy of PostgreSQL's own.
const OURS: &str = "amount <= 200";

fn on(table: &str, statement: &str) -> String {
    statement.replace("{table}", table)
}

/// `shop.orders` and a twin without the library, both with these policies.
fn twins(natives: &[&str]) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.twin (LIKE shop.orders INCLUDING ALL); INSERT INTO shop.twin SELECT * FROM shop.orders;
         GRANT SELECT, INSERT, UPDATE, DELETE ON shop.twin TO app_user",
    )?;
    for table in ["shop.orders", "shop.twin"] {
        admin.batch_execute(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))?;
        for native in natives {
            admin.batch_execute(&format!("CREATE POLICY {}", on(table, native)))?;
        }
    }
    Ok(database)
}

/// What a statement does to a table: the rows it answers and those it leaves, or its refusal.
fn effect(database: &Database<'_>, token: &str, table: &str, statement: &str) -> Result<String> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, token)?;
    let answered = match outcome(transaction.query(&on(table, statement), &[])) {
        Ok(rows) => rows
            .iter()
            .map(|row| row.get(0))
            .collect::<std::collections::BTreeSet<i32>>(),
        Err(refusal) => {
            let state = refusal.state.code();
            // A key that exists in a hidden row is refused as well.
            assert!(
                matches!(state, "42501" | "44000" | "23505"),
                "{statement}: {refusal:?}"
            );
            return Ok("refused".to_owned());
        }
    };
    let rest = on(
        table,
        "SELECT coalesce(string_agg(t::text, ' ' ORDER BY id), '') FROM {table} t",
    );
    // A function of the superuser looks at what is left.
    let left: String = transaction
        .query_one(&format!("SELECT shop.everything($x${rest}$x$)"), &[])?
        .get(0);
    Ok(format!("{answered:?} {left}"))
}

#[test]
fn a_policy_of_ours_restricts_what_native_permissive_policies_leave() -> Result<()> {
    for natives in NATIVES {
        let database = twins(natives)?;
        let mut admin = database.admin()?;
        admin.batch_execute(
            "CREATE FUNCTION shop.everything(query text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
                 $$ DECLARE answer text; BEGIN EXECUTE query INTO answer; RETURN answer; END $$",
        )?;
        let token = Subject::new("alice").log_in(&database)?;
        for statement in STATEMENTS {
            let [ours, theirs] =
                ["shop.orders", "shop.twin"].map(|table| effect(&database, &token, table, statement));
            assert_eq!(ours?, theirs?, "control, before: {natives:?}: {statement}");
        }
        add_policy(&mut database.connect(role::SECURITY)?, "shop.orders", "few", OURS)?;
        admin.batch_execute(&format!(
            "CREATE POLICY few ON shop.twin AS RESTRICTIVE USING ({OURS})"
        ))?;
        if natives.iter().all(|native| native.contains("RESTRICTIVE")) {
            admin.batch_execute("CREATE POLICY permit ON shop.twin USING (true)")?;
        }
        for statement in STATEMENTS {
            let [ours, theirs] =
                ["shop.orders", "shop.twin"].map(|table| effect(&database, &token, table, statement));
            assert_eq!(ours?, theirs?, "{natives:?}: {statement}");
        }
    }
    Ok(())
}

/// As it was reported: a policy for INSERT opened the table for SELECT and DELETE.
#[test]
fn a_policy_for_other_commands_does_not_open_the_table() -> Result<()> {
    let database = twins(&["own ON {table} USING (id = 80 OR id < 3)"])?;
    let token = Subject::new("alice").log_in(&database)?;
    let [ours, twin] = ["shop.orders", "shop.twin"].map(|table| format!("SELECT id FROM {table}"));
    assert_eq!(fresh_ids(&database, Some(&token), &ours)?, [1, 2], "control");
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.add_policy('shop.orders', 'p', 'true', statement_types => '{insert}')")?;
    assert_eq!(fresh_ids(&database, Some(&token), &ours)?, [1, 2]);
    let deleted = "DELETE FROM shop.orders RETURNING id";
    assert_eq!(fresh_ids(&database, Some(&token), deleted)?, [1, 2]);
    assert!(fresh_ids(&database, None, &ours)?.is_empty(), "without a session");
    let mut user = database.connect(role::USER)?;
    let mut anonymous = user.transaction()?;
    anonymous.execute("SELECT vpd.attach_anonymous()", &[])?;
    assert_eq!(ids(&mut anonymous, &ours)?, [1, 2]);
    assert_eq!(anonymous.execute("DELETE FROM shop.orders", &[])?, 2);
    anonymous.rollback()?;
    assert_eq!(
        fresh_ids(&database, None, &twin)?,
        [1, 2],
        "control: PostgreSQL alone"
    );
    Ok(())
}

/// Plans that an open connection keeps follow native policies that come and go.
#[test]
fn native_permissive_policies_are_followed_when_they_come_and_go() -> Result<()> {
    let database = protected_orders()?;
    let mut admin = database.admin()?;
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let kept = user.prepare("SELECT id FROM shop.orders")?;
    let mut seen = || -> Result<Vec<i32>> {
        let mut transaction = user.transaction()?;
        vpd_tests::attach(&mut transaction, &token)?;
        let mut found: Vec<i32> = transaction
            .query(&kept, &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        found.sort_unstable();
        Ok(found)
    };
    let west = expected_ids("West");
    assert_eq!(seen()?, west, "control");
    admin.batch_execute("CREATE POLICY few ON shop.orders FOR SELECT USING (id < 8)")?;
    assert_eq!(seen()?, [3, 7]);
    admin.batch_execute("CREATE POLICY more ON shop.orders FOR ALL TO app_user USING (id < 12)")?;
    assert_eq!(seen()?, [3, 7, 11]);
    admin.batch_execute("ALTER POLICY more ON shop.orders TO app_owner")?;
    assert_eq!(seen()?, [3, 7]);
    admin.batch_execute("DROP POLICY few ON shop.orders")?;
    assert!(seen()?.is_empty(), "the one that is left is for somebody else");
    admin.batch_execute("DROP POLICY more ON shop.orders")?;
    assert_eq!(seen()?, west);
    Ok(())
}

/// Ours do not apply to an exempt role; PostgreSQL's own do, as they would without the library.
#[test]
fn an_exempt_role_stays_under_native_policies() -> Result<()> {
    let database = twins(&["few ON {table} FOR SELECT USING (id < 9)"])?;
    database.admin()?.batch_execute(
        "GRANT SELECT, DELETE ON shop.orders TO app_stranger; GRANT EXECUTE ON FUNCTION vpd.effective_predicate TO app_stranger",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert!(
        ids(&mut stranger, "SELECT id FROM shop.orders")?.is_empty(),
        "control"
    );
    security.execute("SELECT vpd.grant_exempt('app_stranger', 'a test')", &[])?;
    assert_eq!(
        ids(&mut stranger, "SELECT id FROM shop.orders")?,
        (1..9).collect::<Vec<_>>()
    );
    assert_eq!(stranger.execute("DELETE FROM shop.orders", &[])?, 0);
    let told: String = stranger
        .query_one("SELECT vpd.effective_predicate('shop.orders')", &[])?
        .get(0);
    assert!(told.contains("id < 9"), "{told}");
    Ok(())
}

#[test]
fn what_native_policies_hide_is_told() -> Result<()> {
    let database = twins(&[
        "few ON {table} FOR SELECT USING (id < 9)",
        "others ON {table} FOR SELECT TO app_stranger USING (id > 30)",
    ])?;
    add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.orders",
        "by_region",
        BY_REGION,
    )?;
    database
        .admin()?
        .batch_execute("GRANT SELECT ON shop.orders TO app_auditor")?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    vpd_tests::attach(&mut session, &token)?;
    for (command, has, has_not) in [("select", "id < 9", "id > 30"), ("delete", "false", "id < 9")] {
        let told: String = session
            .query_one("SELECT vpd.effective_predicate('shop.orders', $1)", &[&command])?
            .get(0);
        assert!(
            told.contains("region") && told.contains(has) && !told.contains(has_not),
            "{told}"
        );
    }
    session.rollback()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let reported = auditor.query(
        "SELECT object FROM vpd.posture() WHERE finding = 'native_permissive_policy' ORDER BY 1",
        &[],
    )?;
    let reported: Vec<String> = reported.iter().map(|row| row.get(0)).collect();
    assert_eq!(reported, ["few on shop.orders", "others on shop.orders"]);
    let listed = auditor.query(
        "SELECT policy_name, policy_group FROM vpd.policy_predicates(
             (SELECT session_id FROM vpd.sessions WHERE user_name = 'alice')) WHERE command = 'select' ORDER BY 1",
        &[],
    )?;
    let listed: Vec<(String, String)> = listed.iter().map(|row| (row.get(0), row.get(1))).collect();
    let native = "native permissive".to_owned();
    assert_eq!(
        listed[1..],
        [("few".to_owned(), native.clone()), ("others".to_owned(), native)]
    );
    for (command, expected, named) in [
        ("select", None, "\"few\""),
        ("update", Some(false), "permit no update"),
    ] {
        let explained: serde_json::Value = auditor
            .query_one(
                "SELECT vpd.explain_access_json('alice', 'shop.orders', '1', command => $1)",
                &[&command],
            )?
            .get(0);
        assert_eq!(explained["is_allowed"].as_bool(), expected, "{explained}");
        assert!(
            explained["why"].as_str().is_some_and(|why| why.contains(named)),
            "{explained}"
        );
    }
    Ok(())
}
