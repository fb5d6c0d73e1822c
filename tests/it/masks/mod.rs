//! Column masks: who sees which values, what adding, altering and dropping a mask does, and what stays as it was.

pub mod scene;

use scene::{NUMBER, SALARY, add_mask, bare_staff, hr, in_region, is_revealing, masked_staff, nobody, told};
use vpd_tests::{
    Database, Outcome, Result, Subject, assert_refused, attach, create_orders, fresh_ids, ids, outcome, role,
};

/// What a script gives somebody, which must not be a refusal.
fn seen(database: &Database<'_>, token: &str, script: &str) -> Result<String> {
    told(database, token, script)?.map_err(|refusal| format!("{script}: {refusal:?}").into())
}

fn is_masked(database: &Database<'_>, token: Option<&str>, column: &str) -> Result<Option<bool>> {
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    if let Some(token) = token {
        attach(&mut session, token)?;
    }
    let row = session.query_one("SELECT vpd.is_masked('shop.staff', $1)", &[&column])?;
    Ok(row.get(0))
}

#[test]
fn each_session_sees_the_values_it_may_see() -> Result<()> {
    let database = masked_staff()?;
    let rows = "SELECT id, region, salary, ssn FROM shop.staff WHERE id < 3 ORDER BY id";
    assert_eq!(
        seen(&database, &nobody(&database)?, rows)?,
        "1|West|(null)|XXX-XX-6711|\n2|East|(null)|XXX-XX-6722|\n"
    );
    assert_eq!(
        seen(&database, &in_region(&database, "East")?, rows)?,
        "1|West|(null)|XXX-XX-6711|\n2|East|(null)|555-12-6722|\n"
    );
    assert_eq!(
        seen(&database, &hr(&database)?, rows)?,
        "1|West|910001|XXX-XX-6711|\n2|East|910002|555-12-6722|\n"
    );
    assert!(fresh_ids(&database, None, "SELECT id FROM shop.staff")?.is_empty());
    Ok(())
}

#[test]
fn a_session_can_ask_what_it_may_see() -> Result<()> {
    let database = masked_staff()?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    assert_eq!(is_masked(&database, Some(&nobody), "salary")?, Some(true));
    assert_eq!(is_masked(&database, Some(&hr), "salary")?, Some(false));
    assert_eq!(is_masked(&database, Some(&hr), "ssn")?, None);
    assert_eq!(is_masked(&database, Some(&nobody), "name")?, Some(false));
    assert_eq!(is_masked(&database, None, "salary")?, Some(true));
    assert_eq!(is_masked(&database, None, "ssn")?, Some(true));
    let mut admin = database.admin()?;
    let row = admin.query_one("SELECT vpd.is_masked('shop.staff', 'salary')", &[])?;
    assert_eq!(row.get::<_, Option<bool>>(0), Some(false));
    let mut user = database.connect(role::USER)?;
    assert_refused(
        user.query("SELECT vpd.is_masked('shop.staff', 'shoe_size')", &[]),
        "42704",
        "column_not_found",
    );
    Ok(())
}

#[test]
fn a_predicate_that_the_session_decides_leaves_no_trace() -> Result<()> {
    let database = bare_staff()?;
    add_mask(
        &database,
        "salary",
        "0",
        "vpd.user_in_role('hr') OR region = vpd.attribute('app', 'region')",
    )?;
    let explain = "EXPLAIN (VERBOSE, COSTS off) SELECT salary FROM shop.staff WHERE salary > 5";
    let plain = seen(&database, &hr(&database)?, explain)?;
    assert!(!plain.contains("CASE"), "{plain}");
    assert!(plain.contains("Output: staff.salary"), "{plain}");
    let by_row = seen(&database, &in_region(&database, "East")?, explain)?;
    assert!(by_row.contains("CASE") && !by_row.contains("East"), "{by_row}");
    Ok(())
}

#[test]
fn a_kept_plan_suits_each_session_in_turn() -> Result<()> {
    let database = masked_staff()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let statement = user.prepare("SELECT count(salary)::integer FROM shop.staff")?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    for turn in 0..40 {
        for (token, expected) in [(Some(&nobody), 0), (Some(&hr), 8), (Some(&hr), 8), (None, 0)] {
            let mut session = user.transaction()?;
            if let Some(token) = token {
                attach(&mut session, token)?;
            }
            let count: i32 = session.query_one(&statement, &[])?.get(0);
            assert_eq!(count, expected, "turn {turn}");
            session.commit()?;
        }
    }
    Ok(())
}

#[test]
fn a_savepoint_gives_the_former_sight_back() -> Result<()> {
    let database = masked_staff()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let statement = user.prepare("SELECT count(salary)::integer FROM shop.staff")?;
    let (nobody, hr) = (nobody(&database)?, hr(&database)?);
    for (outside, inside) in [(&nobody, &hr), (&hr, &nobody)] {
        let mut session = user.transaction()?;
        attach(&mut session, outside)?;
        let before: i32 = session.query_one(&statement, &[])?.get(0);
        let mut nested = session.transaction()?;
        attach(&mut nested, inside)?;
        let within: i32 = nested.query_one(&statement, &[])?.get(0);
        assert_ne!(within, before);
        nested.rollback()?;
        let after: i32 = session.query_one(&statement, &[])?.get(0);
        assert_eq!(after, before);
        session.rollback()?;
    }
    Ok(())
}

#[test]
fn sessions_of_the_same_sight_share_a_plan() -> Result<()> {
    let database = masked_staff()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT count(salary) FROM shop.staff",
    )?;
    let generic = "SELECT generic_plans::integer FROM pg_prepared_statements WHERE name = 'p'";
    let sessions = [
        nobody(&database)?,
        in_region(&database, "East")?,
        in_region(&database, "West")?,
    ];
    let mut used = Vec::new();
    for token in sessions.iter().cycle().take(9) {
        let mut session = user.transaction()?;
        attach(&mut session, token)?;
        session.batch_execute("EXECUTE p")?;
        used.push(session.query_one(generic, &[])?.get::<_, i32>(0));
        session.commit()?;
    }
    assert_eq!(used, (1..=9).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn edits_take_effect_in_plans_that_are_kept() -> Result<()> {
    let database = bare_staff()?;
    add_mask(&database, "name", "'…'", "true")?;
    let token = nobody(&database)?;
    let mut user = database.connect(role::USER)?;
    let statement =
        user.prepare("SELECT count(salary)::integer, count(DISTINCT name)::integer FROM shop.staff")?;
    let mut security = database.connect(role::SECURITY)?;
    for (edit, expected) in [
        ("SELECT 1", (8, 8)),
        ("SELECT vpd.add_mask('shop.staff', 'salary')", (0, 8)),
        ("SELECT vpd.enable_mask('shop.staff', 'salary', false)", (8, 8)),
        ("SELECT vpd.enable_mask('shop.staff', 'salary')", (0, 8)),
        (
            "SELECT vpd.alter_mask('shop.staff', 'salary', mask => 'id')",
            (8, 8),
        ),
        (
            "SELECT vpd.alter_mask('shop.staff', 'name', visible_when => 'id = 1')",
            (8, 2),
        ),
        ("SELECT vpd.drop_mask('shop.staff', 'name')", (8, 8)),
    ] {
        security.execute(edit, &[])?;
        for _run in 0..7 {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            let row = session.query_one(&statement, &[])?;
            assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), expected, "{edit}");
            session.commit()?;
        }
    }
    Ok(())
}

#[test]
fn built_in_masks_do_what_they_say() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    for (call, expected) in [
        ("vpd.mask_partial('123-45-6789')", "XXX-XX-6789"),
        ("vpd.mask_partial('123-45-6789', 2, '*')", "***-**-**89"),
        ("vpd.mask_partial('6789')", "XXXX"),
        ("vpd.mask_partial('89', 4)", "XX"),
        ("vpd.mask_partial('6789', 0)", "XXXX"),
        ("vpd.mask_partial('6789', -1)", "XXXX"),
        ("vpd.mask_partial('')", ""),
        ("vpd.mask_partial('Zoë Müller', 3, '#')", "### ###ler"),
        ("coalesce(vpd.mask_partial(NULL), 'nothing')", "nothing"),
        ("vpd.mask_year(date '1980-05-17')::text", "1980-01-01"),
        (
            "vpd.mask_year(timestamp '1980-05-17 10:11')::text",
            "1980-01-01 00:00:00",
        ),
        (
            "(vpd.mask_year(timestamptz '1980-05-17 10:11+00') = timestamptz '1980-01-01 00:00+00')::text",
            "true",
        ),
        ("vpd.mask_bucket(47, 10)::text", "40"),
        ("vpd.mask_bucket(-7, 10)::text", "-10"),
        (
            "vpd.mask_bucket(9007199254740993::bigint, 2::bigint)::text",
            "9007199254740992",
        ),
        ("vpd.mask_bucket(47.9::numeric, 2.5)::text", "47.5"),
        ("vpd.mask_bucket(47.9::float8, 10)::text", "40"),
        (
            "coalesce(vpd.mask_bucket(NULL::integer, 10)::text, 'nothing')",
            "nothing",
        ),
        ("length(vpd.mask_hash('x'))::text", "64"),
        ("(vpd.mask_hash('x') = vpd.mask_hash('x'))::text", "true"),
        ("(vpd.mask_hash('x') = vpd.mask_hash('y'))::text", "false"),
        ("(vpd.mask_hash('x') = encode(sha256('x'), 'hex'))::text", "false"),
        ("coalesce(vpd.mask_hash(NULL), 'nothing')", "nothing"),
    ] {
        let row = user.query_one(&format!("SELECT {call}"), &[])?;
        assert_eq!(row.get::<_, &str>(0), expected, "{call}");
    }
    let other = Database::create()?;
    let hash = "SELECT vpd.mask_hash('x')";
    assert_ne!(
        user.query_one(hash, &[])?.get::<_, String>(0),
        other
            .connect(role::USER)?
            .query_one(hash, &[])?
            .get::<_, String>(0)
    );
    Ok(())
}

#[test]
fn a_mask_must_fit_its_column() -> Result<()> {
    let database = bare_staff()?;
    let mut security = database.connect(role::SECURITY)?;
    for (column, mask, visible_when, state, token) in [
        ("salary", "'x'::text", "false", "42804", "mask_type"),
        ("salary", "current_date", "false", "42804", "mask_type"),
        ("salary", "'x'", "false", "22023", "mask_invalid"),
        ("ssn", "'much too long for it'", "false", "22023", "mask_invalid"),
        ("salary", "1, 2", "false", "42601", "mask_invalid"),
        ("salary", "1; SELECT 2", "false", "42601", "mask_invalid"),
        ("salary", "1 FROM pg_class", "false", "42601", "mask_invalid"),
        ("salary", "*", "false", "42601", "mask_invalid"),
        ("salary", "", "false", "42601", "mask_invalid"),
        ("salary", "shoe_size", "false", "22023", "mask_invalid"),
        ("salary", "max(salary)", "false", "22023", "mask_invalid"),
        (
            "salary",
            "generate_series(1, 2)",
            "false",
            "22023",
            "mask_invalid",
        ),
        ("salary", "$1", "false", "22023", "mask_invalid"),
        ("salary", "0", "1", "22023", "predicate_invalid"),
        ("salary", "0", "true; SELECT", "42601", "predicate_invalid"),
        ("shoe_size", "0", "false", "42704", "column_not_found"),
        ("ctid", "NULL", "false", "42704", "column_not_found"),
        ("retired", "NULL", "false", "42704", "column_not_found"),
    ] {
        let added = security.execute(
            "SELECT vpd.add_mask('shop.staff', $1, $2, $3)",
            &[&column, &mask, &visible_when],
        );
        assert_refused(added, state, token);
    }
    for column in ["note", "name"] {
        add_mask(&database, column, "NULL", "false")?;
    }
    assert_refused(
        security.execute("SELECT vpd.add_mask('shop.staff', 'note')", &[]),
        "42710",
        "mask_exists",
    );
    for edit in ["drop_mask", "alter_mask", "enable_mask"] {
        let call = format!("SELECT vpd.{edit}('shop.staff', 'salary')");
        assert_refused(security.execute(&call, &[]), "42704", "mask_not_found");
    }
    assert_refused(
        security.execute("SELECT vpd.add_mask('shop.staff', NULL)", &[]),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

#[test]
fn only_tables_can_have_masks() -> Result<()> {
    let database = bare_staff()?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.seen AS SELECT * FROM shop.staff;
         CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.staff;
         CREATE TABLE shop.parent (id integer) PARTITION BY LIST (id);
         CREATE TABLE shop.piece PARTITION OF shop.parent DEFAULT",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for relation in ["shop.seen", "shop.stored", "shop.piece", "pg_catalog.pg_class"] {
        let call = format!("SELECT vpd.add_mask('{relation}', 'id')");
        assert_refused(security.execute(&call, &[]), "42809", "relation_unsupported");
    }
    let mut user = database.connect(role::USER)?;
    assert!(
        user.execute("SELECT vpd.add_mask('shop.staff', 'note')", &[])
            .is_err()
    );
    Ok(())
}

#[test]
fn the_last_mask_gives_the_table_back_as_it_was() -> Result<()> {
    let database = bare_staff()?;
    let flags = "SELECT relrowsecurity AND relforcerowsecurity,
                        (SELECT count(*)::integer FROM pg_policy WHERE polrelid = c.oid)
                   FROM pg_class c WHERE oid = 'shop.staff'::regclass";
    let mut admin = database.admin()?;
    let mut protected = || -> Result<(bool, i32)> {
        let row = admin.query_one(flags, &[])?;
        Ok((row.get(0), row.get(1)))
    };
    let mut security = database.connect(role::SECURITY)?;
    assert_eq!(protected()?, (false, 0));
    add_mask(&database, "salary", "0", "false")?;
    assert_eq!(protected()?, (true, 1));
    vpd_tests::add_policy(&mut security, "shop.staff", "all", "true")?;
    security.execute("SELECT vpd.drop_mask('shop.staff', 'salary')", &[])?;
    assert_eq!(protected()?, (true, 1), "a policy is left");
    add_mask(&database, "salary", "0", "false")?;
    security.execute("SELECT vpd.drop_policy('shop.staff', 'all')", &[])?;
    assert_eq!(protected()?, (true, 1), "a mask is left");
    security.execute("SELECT vpd.drop_mask('shop.staff', 'salary')", &[])?;
    assert_eq!(protected()?, (false, 0));
    assert_eq!(fresh_ids(&database, None, "SELECT id FROM shop.staff")?.len(), 8);
    Ok(())
}

#[test]
fn row_policies_and_masks_go_together() -> Result<()> {
    let database = masked_staff()?;
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.staff",
        "not_the_boss",
        "salary < 910008 AND id > 1",
    )?;
    let token = nobody(&database)?;
    // The policy decides by the true value, which the session does not see.
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.staff")?,
        [2, 3, 4, 5, 6, 7]
    );
    assert!(!is_revealing(&seen(&database, &token, "TABLE shop.staff")?));
    Ok(())
}

#[test]
fn whom_policies_do_not_apply_to_sees_the_values() -> Result<()> {
    let database = masked_staff()?;
    let count = "SELECT count(salary)::integer FROM shop.staff";
    assert_eq!(database.admin()?.query_one(count, &[])?.get::<_, i32>(0), 8);
    let mut owner = database.connect(role::OWNER)?;
    assert_eq!(
        owner.query_one(count, &[])?.get::<_, i32>(0),
        0,
        "the owner is no exception"
    );
    Ok(())
}

#[test]
fn foreign_keys_and_triggers_work_on_the_values() -> Result<()> {
    let database = bare_staff()?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.staff ADD UNIQUE (ssn);
         CREATE TABLE shop.badges (ssn varchar(11) REFERENCES shop.staff (ssn) ON UPDATE CASCADE ON DELETE CASCADE);
         ALTER TABLE shop.badges OWNER TO app_owner;
         GRANT ALL ON shop.badges TO app_user;
         CREATE TABLE shop.journal (what text); GRANT ALL ON shop.journal TO app_user;
         CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO shop.journal VALUES (OLD.ssn); RETURN coalesce(NEW, OLD); END$$;
         CREATE TRIGGER note AFTER UPDATE OR DELETE ON shop.staff FOR EACH ROW EXECUTE FUNCTION shop.note()",
    )?;
    add_mask(
        &database,
        "ssn",
        "'***'",
        "region = vpd.attribute('app', 'region')",
    )?;
    let token = in_region(&database, "East")?;
    let told = seen(
        &database,
        &token,
        "INSERT INTO shop.badges VALUES ('555-11-6711'), ('555-12-6722');
         UPDATE shop.staff SET note = 'x' WHERE id = 1;
         UPDATE shop.staff SET ssn = '555-99-9999' WHERE id = 2;
         SELECT * FROM shop.badges ORDER BY 1; SELECT * FROM shop.journal ORDER BY 1",
    )?;
    assert_eq!(told, "555-11-6711|\n555-99-9999|\n555-11-6711|\n555-12-6722|\n");
    let gone = seen(
        &database,
        &token,
        "INSERT INTO shop.badges VALUES ('555-11-6711'); DELETE FROM shop.staff WHERE id = 1; TABLE shop.badges",
    )?;
    assert_eq!(gone, "");
    Ok(())
}

#[test]
fn a_new_row_may_be_written_and_is_returned_masked() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    let told = seen(
        &database,
        &token,
        "INSERT INTO shop.staff (id, name, region, salary, ssn) VALUES (9, 'new', 'East', 910009, '555-19-6799')
             RETURNING id, salary, ssn",
    )?;
    assert_eq!(told, "9|(null)|XXX-XX-6799|\n");
    Ok(())
}

#[test]
fn names_and_numbers_of_columns_may_change() -> Result<()> {
    let database = bare_staff()?;
    add_mask(&database, "salary", "0", "vpd.user_in_role('hr')")?;
    let token = nobody(&database)?;
    let mut admin = database.admin()?;
    let mut user = database.connect(role::USER)?;
    let mut revealed = |query: &str| -> Result<bool> {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let text = scene::told_in(&mut session, query)?;
        session.commit()?;
        Ok(is_revealing(&text.replace(NUMBER, "")))
    };
    assert!(!revealed("TABLE shop.staff")?);
    admin.batch_execute("ALTER TABLE shop.staff RENAME salary TO pay")?;
    assert!(!revealed("TABLE shop.staff")?);
    // Two names change places; the mask stays with the values.
    admin.batch_execute(
        "BEGIN; ALTER TABLE shop.staff ADD salary integer DEFAULT 5;
         ALTER TABLE shop.staff RENAME pay TO x; ALTER TABLE shop.staff RENAME salary TO pay;
         ALTER TABLE shop.staff RENAME x TO salary; COMMIT",
    )?;
    assert!(!revealed("TABLE shop.staff")?);
    assert_eq!(
        ids(
            &mut admin,
            "SELECT count(*)::integer FROM vpd.masks WHERE column_name = 'salary'"
        )?,
        [1]
    );
    admin.batch_execute("ALTER TABLE shop.staff ALTER salary TYPE bigint")?;
    assert!(!revealed("TABLE shop.staff")?);
    admin.batch_execute("ALTER TABLE shop.staff RENAME TO people")?;
    assert!(!revealed("TABLE shop.people")?);
    admin.batch_execute("ALTER TABLE shop.people DROP salary")?;
    assert_eq!(ids(&mut admin, "SELECT count(*)::integer FROM vpd.masks")?, [0]);
    Ok(())
}

#[test]
fn a_mask_that_no_longer_fits_stops_every_reader() -> Result<()> {
    let database = bare_staff()?;
    add_mask(
        &database,
        "salary",
        "0",
        "region = vpd.attribute('app', 'region')",
    )?;
    let token = nobody(&database)?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.staff RENAME region TO area")?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_refused(
        session.query("SELECT id FROM shop.staff", &[]),
        "22023",
        "mask_invalid",
    );
    Ok(())
}

#[test]
fn a_predicate_may_read_other_tables_as_the_session_does() -> Result<()> {
    let database = bare_staff()?;
    create_tables_of_watchers(&database)?;
    add_mask(
        &database,
        "salary",
        "0",
        "EXISTS (SELECT FROM shop.watch w WHERE w.id = staff.id AND w.who = vpd.user_name())",
    )?;
    let salaries = "SELECT id FROM shop.staff WHERE salary > 0";
    let alice = Subject::new("alice").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&alice), salaries)?, [2, 4]);
    assert_eq!(fresh_ids(&database, Some(&bob), salaries)?, [5]);
    // Rows of the other table that a policy hides are not read by the mask either.
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.watch",
        "even",
        "id = 4",
    )?;
    assert_eq!(fresh_ids(&database, Some(&alice), salaries)?, [4]);
    let told = seen(
        &database,
        &alice,
        "UPDATE shop.staff SET salary = 7 WHERE id = 4 RETURNING salary",
    )?;
    assert_eq!(told, "7|\n");
    let refused = refused(&database, &alice, "UPDATE shop.staff SET salary = 7 WHERE id = 2")?;
    assert_eq!(refused, ("42501".into(), Some("column_masked".into())));
    Ok(())
}

fn create_tables_of_watchers(database: &Database<'_>) -> Result<()> {
    database.admin()?.batch_execute(
        "CREATE TABLE shop.watch (id integer, who text);
         INSERT INTO shop.watch VALUES (2, 'alice'), (4, 'alice'), (5, 'bob');
         GRANT ALL ON shop.watch TO app_user",
    )?;
    Ok(())
}

/// SQLSTATE and token of the refusal a script meets.
fn refused(database: &Database<'_>, token: &str, script: &str) -> Result<(String, Option<String>)> {
    let outcome: Outcome<String> = told(database, token, script)?;
    let refusal = outcome.err().ok_or_else(|| format!("went through: {script}"))?;
    Ok((refusal.state.code().to_owned(), refusal.token))
}

#[test]
fn masks_that_lead_back_to_their_table_are_refused() -> Result<()> {
    let database = bare_staff()?;
    create_tables_of_watchers(&database)?;
    add_mask(
        &database,
        "salary",
        "0",
        "EXISTS (SELECT FROM shop.watch w WHERE w.id = staff.id)",
    )?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_mask('shop.watch', 'who', 'NULL', 'EXISTS (SELECT FROM shop.staff s WHERE s.salary > watch.id)')",
        &[],
    )?;
    let token = nobody(&database)?;
    assert_eq!(
        refused(&database, &token, "SELECT salary FROM shop.staff")?,
        ("42P17".into(), Some("mask_recursive".into()))
    );
    Ok(())
}

#[test]
fn partitions_and_children_have_the_masks_of_their_parents() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE TABLE shop.staff (id integer, salary integer) PARTITION BY RANGE (id);
         CREATE TABLE shop.staff_a PARTITION OF shop.staff FOR VALUES FROM (0) TO (5);
         CREATE TABLE shop.staff_b (salary integer, gone text, id integer);
         ALTER TABLE shop.staff_b DROP COLUMN gone;
         ALTER TABLE shop.staff ATTACH PARTITION shop.staff_b FOR VALUES FROM (5) TO (10);
         INSERT INTO shop.staff SELECT n, 910000 + n FROM generate_series(1, 8) n;
         GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user",
    )?;
    add_mask(&database, "salary", "staff.id", "staff.id = 6")?;
    let token = nobody(&database)?;
    let clear = "SELECT id FROM shop.staff WHERE salary > 900000";
    assert_eq!(fresh_ids(&database, Some(&token), clear)?, [6]);
    assert_eq!(
        seen(
            &database,
            &token,
            "SELECT s FROM shop.staff s WHERE id IN (2, 6, 7) ORDER BY id"
        )?,
        "(2,2)|\n(6,910006)|\n(7,7)|\n"
    );
    // A partition shows nothing by itself; with a policy of its own it still has the mask.
    assert!(fresh_ids(&database, Some(&token), "SELECT id FROM shop.staff_b")?.is_empty());
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.staff_b",
        "all",
        "true",
    )?;
    assert_eq!(
        seen(&database, &token, "SELECT s FROM shop.staff_b s ORDER BY id")?,
        "(5,5)|\n(910006,6)|\n(7,7)|\n(8,8)|\n"
    );
    let moved = seen(
        &database,
        &token,
        "UPDATE shop.staff SET id = 3 WHERE id = 6 RETURNING id, salary; SELECT count(*) FROM shop.staff WHERE id = 3",
    )?;
    assert_eq!(moved, "3|3|\n2|\n");
    // A table with masks would show its values through a new parent.
    database.admin()?.batch_execute(
        "CREATE TABLE shop.single (id integer, salary integer); CREATE TABLE shop.all_of_them (id integer, salary integer)",
    )?;
    database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.add_mask('shop.single', 'salary')", &[])?;
    assert_refused(
        database
            .admin()?
            .execute("ALTER TABLE shop.single INHERIT shop.all_of_them", &[]),
        "42809",
        "relation_unsupported",
    );
    Ok(())
}

#[test]
fn views_show_what_their_owner_may_see() -> Result<()> {
    let database = masked_staff()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE VIEW shop.owned AS SELECT * FROM shop.staff; ALTER VIEW shop.owned OWNER TO app_owner;
         CREATE VIEW shop.invoked WITH (security_invoker) AS SELECT * FROM shop.staff;
         CREATE VIEW shop.barrier WITH (security_barrier) AS SELECT * FROM shop.staff; ALTER VIEW shop.barrier OWNER TO app_owner;
         CREATE VIEW shop.open AS SELECT * FROM shop.staff;
         GRANT ALL ON shop.owned, shop.invoked, shop.barrier, shop.open TO app_user",
    )?;
    let token = nobody(&database)?;
    for view in ["owned", "invoked", "barrier"] {
        for script in [
            format!("TABLE shop.{view}"),
            format!("SELECT v FROM shop.{view} v"),
            format!("UPDATE shop.{view} SET note = salary::text RETURNING *"),
            format!("DELETE FROM shop.{view} RETURNING ssn, salary"),
        ] {
            let text = seen(&database, &token, &script)?;
            assert!(!text.is_empty() && !is_revealing(&text), "{script}: {text}");
        }
    }
    // A superuser's view shows everything, as it shows every row.
    assert!(seen(&database, &token, "TABLE shop.open")?.contains(SALARY));
    Ok(())
}

#[test]
fn statistics_of_a_masked_column_are_hidden() -> Result<()> {
    let database = masked_staff()?;
    database.admin()?.batch_execute("ANALYZE shop.staff")?;
    let statistics = "SELECT FROM pg_stats WHERE tablename = 'staff' AND attname = 'salary'";
    assert!(!database.admin()?.query(statistics, &[])?.is_empty(), "control");
    assert!(database.connect(role::USER)?.query(statistics, &[])?.is_empty());
    Ok(())
}

#[test]
fn the_list_of_masks_fits_a_terminal() -> Result<()> {
    let database = masked_staff()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let width: i64 = auditor
        .query_one(
            "SELECT sum(width + 3)::bigint FROM (
                SELECT greatest(length(key), max(length(value))) AS width
                  FROM vpd.masks m, jsonb_each_text(to_jsonb(m)) GROUP BY key) columns",
            &[],
        )?
        .get(0);
    assert!(width <= 120, "{width}");
    let row = auditor.query_one(
        "SELECT visible_when, created_by FROM vpd.mask_definitions WHERE column_name = 'ssn'",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "region = vpd.attribute('app', 'region')");
    assert_eq!(row.get::<_, &str>(1), role::SECURITY);
    Ok(())
}

#[test]
fn tables_without_masks_are_planned_as_ever() -> Result<()> {
    let database = masked_staff()?;
    create_tables_of_watchers(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(ids(&mut user, "SELECT id FROM shop.watch")?, [2, 4, 5]);
    let other = Database::create()?;
    create_orders(&other)?;
    assert_eq!(
        outcome(ids(&mut other.connect(role::USER)?, "SELECT id FROM shop.orders")).map(|rows| rows.len()),
        Ok(40)
    );
    Ok(())
}

#[test]
fn a_policy_that_masks_leaves_the_rows_and_hides_the_columns() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute(
        "SELECT vpd.add_policy('shop.orders', 'amounts', 'region = vpd.attribute(''app'', ''region'')',
             relevant_columns => '{amount}', mask_columns => true)",
        &[],
    )?;
    let token = in_region(&database, "West")?;
    let west = vpd_tests::expected_ids("West");
    let amounts = "SELECT id FROM shop.orders WHERE amount IS NOT NULL";
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?.len(),
        40
    );
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id, amount FROM shop.orders")?.len(),
        40
    );
    assert_eq!(fresh_ids(&database, Some(&token), amounts)?, west);
    assert!(fresh_ids(&database, None, amounts)?.is_empty());
    // A mask of its own over the same column: the value is shown where both say so.
    security.execute(
        "SELECT vpd.add_mask('shop.orders', 'amount', '0', 'id > 20')",
        &[],
    )?;
    let both: Vec<i32> = west.iter().copied().filter(|id| *id > 20).collect();
    assert_eq!(
        fresh_ids(
            &database,
            Some(&token),
            "SELECT id FROM shop.orders WHERE amount > 0"
        )?,
        both
    );
    security.execute("SELECT vpd.drop_mask('shop.orders', 'amount')", &[])?;
    // Once its column cannot be told any more, the policy leaves rows out.
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.orders RENAME amount TO total")?;
    assert_eq!(
        fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
        west
    );
    Ok(())
}

#[test]
fn a_masking_policy_function_follows_the_session() -> Result<()> {
    for kind in ["dynamic", "context_sensitive", "shared_static"] {
        let database = Database::create()?;
        create_orders(&database)?;
        database.admin()?.batch_execute(
            "CREATE FUNCTION shop.amounts(text, text) RETURNS text LANGUAGE sql STABLE AS
                 $$SELECT CASE WHEN vpd.user_in_role('hr') THEN 'true' ELSE 'id < 4' END$$",
        )?;
        database.connect(role::SECURITY)?.execute(
            "SELECT vpd.add_policy('shop.orders', 'f', policy_function => 'shop.amounts', kind => $1,
                 relevant_columns => '{amount}', mask_columns => true)",
            &[&kind],
        )?;
        let (clerk, hr) = (nobody(&database)?, hr(&database)?);
        let mut user = database.connect(role::USER)?;
        user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
        let statement = user.prepare("SELECT count(amount)::integer FROM shop.orders")?;
        for turn in 0..10 {
            for (token, expected) in [(&clerk, 3), (&hr, if kind == "shared_static" { 3 } else { 40 })] {
                let mut session = user.transaction()?;
                attach(&mut session, token)?;
                let count: i32 = session.query_one(&statement, &[])?.get(0);
                assert_eq!(count, expected, "{kind}, turn {turn}");
                session.commit()?;
            }
        }
    }
    Ok(())
}

#[test]
fn an_exempt_role_sees_the_values() -> Result<()> {
    let database = masked_staff()?;
    let token = nobody(&database)?;
    assert!(!seen(&database, &token, "SELECT salary FROM shop.staff")?.contains(SALARY));
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.grant_exempt('app_user', 'test of masks')", &[])?;
    assert!(seen(&database, &token, "SELECT salary FROM shop.staff")?.contains(SALARY));
    assert_eq!(is_masked(&database, Some(&token), "salary")?, Some(false));
    security.execute("SELECT vpd.revoke_exempt('app_user')", &[])?;
    assert!(!seen(&database, &token, "SELECT salary FROM shop.staff")?.contains(SALARY));
    Ok(())
}
