//! What the extension remembers, table by table: it travels with a dump, or there is a reason why not.

use std::collections::BTreeMap;

use super::carry;
use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, fresh_ids, role,
};

/// Every form in which a table's rows come in another way.
const FORMS: [&str; 6] = [
    "custom",
    "plain",
    "inserts",
    "sections of an archive",
    "schema and data",
    "schema and data without triggers",
];

/// Tables of `vpd_private` whose rows stay behind, and why.
const STAY_BEHIND: [(&str, &str); 22] = [
    ("audit_alarm", "counts what happened in one database"),
    ("audit_checkpoint", "is of the trail of one database"),
    ("audit_person", "tells what happened in one database"),
    ("audit_record", "tells what happened in one database"),
    ("audit_state", "tells where the trail of one database ends"),
    (
        "authority_version",
        "counts changes for the sessions of one database",
    ),
    ("global_context", "belongs to sessions"),
    ("job_run", "tells what happened in one database"),
    ("mask_key", "a copy has its own hashes"),
    ("message", "belongs to sessions"),
    ("message_spent", "belongs to sessions"),
    ("profile_privilege", "is the same in every database of a version"),
    (
        "protected_column",
        "its numbers differ in a copy; names that are gone are in former_column",
    ),
    ("resealing", "tells where a run stands in one database"),
    ("queue", "belongs to sessions"),
    ("session", "everybody logs in again"),
    ("session_authority", "belongs to sessions"),
    ("session_era", "belongs to sessions"),
    ("session_token", "belongs to sessions"),
    ("session_use", "belongs to sessions"),
    ("signing_secret", "a copy signs with a key of its own"),
    ("ticket", "is redeemed once, in the database that issued it"),
];

/// Tables of `vpd_private`, whether each is dumped, with which condition, and how many rows CREATE EXTENSION left in it.
fn tables(database: &Database<'_>) -> Result<BTreeMap<String, (Option<String>, i64)>> {
    let mut admin = database.admin()?;
    let listed = admin.query(
        "SELECT c.relname::text, d.condition
           FROM pg_class c
           LEFT JOIN (SELECT k.id, e.extcondition[k.place] AS condition
                        FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS k (id, place) WHERE e.extname = 'pg_vpd') d ON d.id = c.oid
          WHERE c.relnamespace = 'vpd_private'::regnamespace AND c.relkind IN ('r', 'p')",
        &[],
    )?;
    listed
        .iter()
        .map(|row| {
            let name: String = row.get(0);
            let count = admin.query_one(&format!("SELECT count(*) FROM vpd_private.{name}"), &[])?;
            Ok((name, (row.get(1), count.get(0))))
        })
        .collect()
}

#[test]
fn every_table_is_dumped_whole_or_stays_behind_for_a_reason() -> Result<()> {
    let database = Database::create_bare()?;
    database
        .admin()?
        .batch_execute("CREATE EXTENSION pg_vpd CASCADE")?;
    let reasons: BTreeMap<_, _> = STAY_BEHIND.into_iter().collect();
    let tables = tables(&database)?;
    for (name, (condition, rows)) in &tables {
        match (condition, reasons.get(name.as_str())) {
            // Rows that CREATE EXTENSION makes are there before those of the dump, and changes of them would be lost or in the way.
            (Some(condition), None) => assert_eq!((condition.as_str(), *rows), ("", 0), "{name}"),
            (None, Some(_)) => {}
            (None, None) => panic!("{name} is not dumped: dump it, or say here why not"),
            (Some(_), Some(reason)) => panic!("{name} is dumped, although it {reason}"),
        }
    }
    for name in reasons.keys() {
        assert!(tables.contains_key(*name), "there is no table {name}");
    }
    let sequences = database.admin()?.query(
        "SELECT s.relname::text
           FROM pg_class s
           LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
           LEFT JOIN pg_class t ON t.oid = d.refobjid
           JOIN pg_extension e ON e.extname = 'pg_vpd'
          WHERE s.relnamespace = 'vpd_private'::regnamespace AND s.relkind = 'S' AND s.oid <> ALL (e.extconfig)
            AND (t.oid IS NULL OR t.oid = ANY (e.extconfig))",
        &[],
    )?;
    let sequences: Vec<String> = sequences.iter().map(|row| row.get(0)).collect();
    assert!(
        sequences.is_empty(),
        "keys would be given twice in a copy: {sequences:?}"
    );
    Ok(())
}

const OPEN: &str = "ALTER TABLE shop.orders ADD COLUMN region text DEFAULT 'West'";

#[test]
fn a_copy_keeps_the_names_that_columns_had() -> Result<()> {
    for (gone, back) in [
        ("ALTER TABLE shop.orders DROP COLUMN region", None),
        (
            "ALTER TABLE shop.orders RENAME region TO former",
            Some("ALTER TABLE shop.orders RENAME former TO region"),
        ),
    ] {
        let source = Database::create()?;
        create_orders(&source)?;
        source.admin()?.batch_execute(
            "CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
             AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$;
             SELECT vpd.grant_profile('runtime', 'app_owner')",
        )?;
        source
            .connect(role::SECURITY)?
            .batch_execute("SELECT dbms_rls.add_policy('shop', 'orders', 'p', 'shop', 'by_region')")?;
        let mut owner = source.connect(role::OWNER)?;
        owner.batch_execute(gone)?;
        assert_refused(owner.batch_execute(OPEN), "42501", "privilege_missing");
        for form in FORMS {
            let target = Database::create_bare()?;
            carry(form, &source, &target).map_err(|error| format!("{form}: {error}"))?;
            let mut owner = target.connect(role::OWNER)?;
            assert_refused(owner.batch_execute(OPEN), "42501", "privilege_missing");
            // Also later, and by another name first.
            owner.batch_execute("ALTER TABLE shop.orders ADD COLUMN other text DEFAULT 'West'")?;
            assert_refused(owner.batch_execute(OPEN), "42501", "privilege_missing");
            let rename = "ALTER TABLE shop.orders RENAME other TO region";
            assert_refused(owner.batch_execute(rename), "42501", "privilege_missing");
            let token = Subject::in_region("alice", "West").log_in(&target)?;
            let mut transaction = owner.transaction()?;
            attach(&mut transaction, &token)?;
            let read = transaction.query("SELECT id FROM shop.orders", &[]);
            assert_refused(read, "22023", "predicate_invalid");
            transaction.rollback()?;
            if let Some(back) = back {
                owner.batch_execute(back)?;
                let seen = fresh_ids(&target, Some(&token), "SELECT id FROM shop.orders")?;
                assert_eq!(
                    seen,
                    expected_ids("West"),
                    "{form}: the column has its name again"
                );
                let swap = "ALTER TABLE shop.orders RENAME region TO former; ALTER TABLE shop.orders RENAME other TO region";
                assert_refused(owner.batch_execute(swap), "42501", "privilege_missing");
            } else {
                // control: whoever policies do not bind opens the copy so
                target.admin()?.batch_execute(OPEN)?;
                let seen = fresh_ids(&target, Some(&token), "SELECT id FROM shop.orders")?;
                assert_eq!(seen.len(), 40, "{form}");
            }
            // What a superuser decided counts, and a copy of a copy forgets nothing.
            if form != "custom" {
                continue;
            }
            let second = Database::create_bare()?;
            carry(form, &target, &second).map_err(|error| format!("{form}, again: {error}"))?;
            let mut owner = second.connect(role::OWNER)?;
            owner.batch_execute("ALTER TABLE shop.orders ADD COLUMN one_more text")?;
            owner.batch_execute("ALTER TABLE shop.orders RENAME region TO departed")?;
            assert_refused(owner.batch_execute(OPEN), "42501", "privilege_missing");
        }
    }
    Ok(())
}

/// Whose word counts of alice, and what the sources are.
fn told(database: &Database<'_>) -> Result<(Vec<String>, Option<String>)> {
    let mut admin = database.admin()?;
    let sources = admin.query(
        "SELECT concat_ws(' ', name, precedence, description, users) FROM vpd.sources ORDER BY precedence",
        &[],
    )?;
    let region = admin.query_one(
        "SELECT attributes ->> 'region' FROM vpd.users WHERE name = 'alice'",
        &[],
    )?;
    Ok((sources.iter().map(|row| row.get(0)).collect(), region.get(0)))
}

#[test]
fn whoever_is_believed_first_is_believed_first_in_a_copy() -> Result<()> {
    for (local, hr, forms) in [
        (5, 100, &FORMS[..]),
        (5, 50, &FORMS[..1]),
        (100, 50, &FORMS[..1]),
        (200, 100, &FORMS[..1]),
    ] {
        let source = Database::create()?;
        source.connect(role::SECURITY)?.batch_execute(&format!(
            "SELECT vpd.define_source('local', {local}); SELECT vpd.define_source('hr', {hr}, 'Personnel');
             SELECT vpd.define_user('alice', attributes => '{{\"region\": \"East\"}}');
             SELECT vpd.define_user('alice', source => 'hr', attributes => '{{\"region\": \"West\"}}')"
        ))?;
        let kept = told(&source)?;
        let believed = if local < hr { "East" } else { "West" };
        assert_eq!(kept.1.as_deref(), Some(believed), "control");
        assert!(
            kept.0
                .contains(&format!("local {local} Users administered here. 1")),
            "control: {kept:?}"
        );
        for form in forms {
            let target = Database::create_bare()?;
            carry(form, &source, &target)
                .map_err(|error| format!("local {local}, hr {hr}, {form}: {error}"))?;
            assert_eq!(told(&target)?, kept, "local {local}, hr {hr}, {form}");
        }
    }
    Ok(())
}

#[test]
fn the_source_that_every_database_has_keeps_its_place() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let refused = security.batch_execute("SELECT vpd.define_source('hr', 100)");
    assert_refused(refused, "22023", "argument_invalid");
    security.batch_execute("SELECT vpd.define_source('local', 7)")?;
    security.batch_execute("SELECT vpd.define_source('hr', 100)")?;
    let refused = security.batch_execute("SELECT vpd.define_source('local', 100)");
    assert_refused(refused, "22023", "argument_invalid");
    let refused = security.batch_execute("SELECT vpd.drop_source('local')");
    assert_refused(refused, "22023", "argument_invalid");
    security
        .batch_execute("SELECT vpd.drop_source('hr'); SELECT vpd.define_source('local', 100, 'People')")?;
    let row = security.query_one("SELECT precedence, description FROM vpd.sources", &[])?;
    assert_eq!((row.get(0), row.get(1)), (100, "People"));
    Ok(())
}

#[test]
fn the_purge_interval_travels_with_a_dump() -> Result<()> {
    let interval = |database: &Database<'_>| -> Result<String> {
        Ok(database
            .admin()?
            .query_one("SELECT vpd.purge_interval()::text", &[])?
            .get(0))
    };
    let source = Database::create()?;
    assert_eq!(interval(&source)?, "00:02:00");
    source
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.set_purge_interval(9); SELECT vpd.set_purge_interval(7)")?;
    for form in FORMS {
        let target = Database::create_bare()?;
        carry(form, &source, &target).map_err(|error| format!("{form}: {error}"))?;
        assert_eq!(interval(&target)?, "00:07:00", "{form}");
    }
    Ok(())
}
