//! A type of range has a function that tells how far its bounds are apart. ANALYZE and indexes call it with stored values: its owner would see them.

use vpd_tests::{BY_REGION, Database, Result, add_policy, assert_refused, outcome, role};

const TYPES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
CREATE FUNCTION shop.own_apart(a text, b text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8';
CREATE TYPE shop.plain AS RANGE (subtype = text);
CREATE TYPE shop.trusted AS RANGE (subtype = text, subtype_diff = shop.own_apart);
SET ROLE app_owner;
CREATE FUNCTION shop.apart(a text, b text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', a; RETURN 1; END $$;
CREATE TYPE shop.spy AS RANGE (subtype = text, subtype_diff = shop.apart, multirange_type_name = shop.spies);
CREATE DOMAIN shop.place AS shop.spy;
CREATE TYPE shop.pair AS (a integer, b shop.spy);
CREATE TYPE shop.empty_pair AS (a integer);
CREATE TABLE shop.visits (id integer, region text, pair shop.empty_pair);
";
/// The type itself, and types that have it inside.
const HOLDING: [&str; 7] = [
    "shop.spy",
    "shop.spies",
    "shop.place",
    "shop.spy[]",
    "shop.place[]",
    "shop.pair",
    "shop.pair[]",
];
const HARMLESS: [&str; 4] = ["shop.plain", "shop.trusted", "int4range", "shop.empty_pair[]"];

fn visits(is_protected: bool) -> Result<Database<'static>> {
    let database = if is_protected {
        Database::create()?
    } else {
        Database::create_bare()?
    };
    database.admin()?.batch_execute(TYPES)?;
    if is_protected {
        add_policy(
            &mut database.connect(role::SECURITY)?,
            "shop.visits",
            "by_region",
            BY_REGION,
        )?;
    }
    Ok(database)
}

#[test]
fn control_analyze_hands_hidden_values_to_the_owner_of_the_type() -> Result<()> {
    for (column, value) in [
        ("shop.spy", "shop.spy('a', 'secret')"),
        ("shop.place", "shop.spy('a', 'secret')"),
        ("shop.spies", "shop.spies(shop.spy('a', 'secret'))"),
    ] {
        let database = visits(false)?;
        let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
        owner.batch_execute(&format!("ALTER TABLE shop.visits ADD COLUMN span {column}"))?;
        database.admin()?.batch_execute(&format!(
            "ALTER TABLE shop.visits ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON shop.visits USING (false);
             INSERT INTO shop.visits SELECT n, 'West', NULL, {value} FROM generate_series(1, 10) n"
        ))?;
        owner.batch_execute("ANALYZE shop.visits")?;
        assert!(
            notices
                .take()
                .iter()
                .any(|notice| notice.message() == "saw secret"),
            "{column}"
        );
    }
    Ok(())
}

#[test]
fn a_column_of_such_a_type_is_refused() -> Result<()> {
    let database = visits(true)?;
    let mut owner = database.connect(role::OWNER)?;
    for column in HOLDING {
        for statement in [
            format!("ALTER TABLE shop.visits ADD COLUMN span {column}"),
            format!(
                "ALTER TABLE shop.visits ADD COLUMN plain integer, ADD COLUMN IF NOT EXISTS span {column}"
            ),
            format!("DO $$ BEGIN EXECUTE 'ALTER TABLE shop.visits ADD COLUMN span {column}'; END $$"),
            format!("ALTER TYPE shop.empty_pair ADD ATTRIBUTE span {column}"),
            format!("CREATE TABLE shop.child (span {column}) INHERITS (shop.visits)"),
            format!(
                "CREATE TABLE shop.child (id integer, region text, pair shop.empty_pair, span {column}); ALTER TABLE shop.child INHERIT shop.visits"
            ),
        ] {
            assert_refused(owner.batch_execute(&statement), "42501", "privilege_missing");
        }
    }
    for (place, column) in HARMLESS.iter().enumerate() {
        let statement = format!("ALTER TABLE shop.visits ADD COLUMN span_{place} {column}");
        assert_eq!(outcome(owner.batch_execute(&statement)), Ok(()), "{statement}");
    }
    owner.batch_execute(
        "CREATE TABLE shop.open (id integer); ALTER TABLE shop.open ADD COLUMN span shop.spy",
    )?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.visits ADD COLUMN span shop.spy")?;
    Ok(())
}

#[test]
fn whoever_protects_a_table_that_has_one_is_told() -> Result<()> {
    for column in HOLDING {
        let database = Database::create()?;
        database.admin()?.batch_execute(TYPES)?;
        database
            .connect(role::OWNER)?
            .batch_execute(&format!("ALTER TABLE shop.visits ADD COLUMN span {column}"))?;
        for mask in [false, true] {
            let (mut security, warnings) = database.connect_noticing(role::SECURITY)?;
            if mask {
                security.batch_execute("SELECT vpd.add_mask('shop.visits', 'span')")?;
            } else {
                add_policy(&mut security, "shop.visits", "by_region", BY_REGION)?;
            }
            let warnings = warnings.take();
            assert!(
                warnings.iter().any(|warning| warning
                    .message()
                    .contains("the type of column \"span\" of \"shop.visits\"")
                    && warning.hint().is_some()),
                "{column}: {warnings:?}"
            );
        }
    }
    Ok(())
}
