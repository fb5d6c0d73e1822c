//! The server evaluates the key of a partitioned table over stored rows, when a part is attached or made beside a default part. A function of the
//! owner in the key is handed them.

use vpd_tests::{BY_REGION, Database, Outcome, Result, add_policy, assert_refused, ids, outcome, role};

const PARTS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.parts (id integer, region text, secret text) PARTITION BY LIST (region);
CREATE TABLE shop.north PARTITION OF shop.parts FOR VALUES IN ('North');
INSERT INTO shop.parts VALUES (2, 'North', 'North-2'), (3, 'North', 'North-3');
CREATE FUNCTION shop.seen(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', value; RETURN value; END $$;
CREATE FUNCTION shop.leak(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', value; RETURN true; END $$;
CREATE FUNCTION shop.join(value text, other text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', value; RETURN value; END $$;
CREATE OPERATOR shop.|+| (LEFTARG = text, RIGHTARG = text, FUNCTION = shop.join);
CREATE DOMAIN shop.told AS text CHECK (shop.leak(VALUE));
CREATE DOMAIN shop.told_inside AS shop.told;
";
const HIDDEN: &str = "
ALTER TABLE shop.parts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON shop.parts USING (false);
ALTER TABLE shop.north ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON shop.north USING (false);
";

/// Keys that call code of the owner: a function, an operator, a domain, one in another.
const KEYS: [&str; 5] = [
    "(shop.seen(secret))",
    "(lower(shop.seen(secret)))",
    "((secret OPERATOR(shop.|+|) 'x'))",
    "((secret::shop.told))",
    "((secret::shop.told_inside))",
];

fn protect(database: &Database<'_>, is_protected: bool) -> Result<()> {
    if is_protected {
        add_policy(
            &mut database.connect(role::SECURITY)?,
            "shop.parts",
            "by_region",
            BY_REGION,
        )?;
    } else {
        database.admin()?.batch_execute(HIDDEN)?;
    }
    Ok(())
}

fn created(is_protected: bool) -> Result<Database<'static>> {
    let database = if is_protected {
        Database::create()?
    } else {
        Database::create_bare()?
    };
    database.admin()?.batch_execute(PARTS)?;
    Ok(database)
}

/// The owner takes a part off and attaches it again below a key of his; tells whether his function saw hidden rows.
fn attack(is_protected: bool, key: &str) -> Result<(bool, Outcome<()>)> {
    let database = created(is_protected)?;
    protect(&database, is_protected)?;
    let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
    owner.batch_execute("ALTER TABLE shop.parts DETACH PARTITION shop.north")?;
    assert!(ids(&mut owner, "SELECT id FROM shop.north")?.is_empty(), "hidden");
    drop(notices.take());
    let made = outcome(owner.batch_execute(&format!(
        "CREATE TABLE shop.sub PARTITION OF shop.parts FOR VALUES IN ('North') PARTITION BY LIST {key}"
    )));
    let _ = owner.batch_execute("ALTER TABLE shop.sub ATTACH PARTITION shop.north FOR VALUES IN ('x')");
    let saw = notices
        .take()
        .iter()
        .any(|notice| notice.message() == "saw North-2");
    Ok((saw, made))
}

#[test]
fn control_a_key_of_the_owner_is_handed_hidden_rows() -> Result<()> {
    for key in KEYS {
        assert_eq!(attack(false, key)?, (true, Ok(())), "{key}");
    }
    Ok(())
}

#[test]
fn a_key_of_the_owner_meets_no_stored_row() -> Result<()> {
    for key in KEYS {
        let (saw, made) = attack(true, key)?;
        assert!(!saw, "{key}");
        let token = made.err().and_then(|refusal| refusal.token);
        assert_eq!(token.as_deref(), Some("privilege_missing"), "{key}");
    }
    Ok(())
}

#[test]
fn a_table_partitioned_so_does_not_join() -> Result<()> {
    let database = created(true)?;
    protect(&database, true)?;
    let mut owner = database.connect(role::OWNER)?;
    for key in KEYS {
        for join in [
            format!(
                "CREATE TABLE shop.sub (id integer, region text, secret text) PARTITION BY LIST {key};
                 ALTER TABLE shop.parts ATTACH PARTITION shop.sub FOR VALUES IN ('South')"
            ),
            format!(
                "CREATE TABLE shop.middle (id integer, region text, secret text) PARTITION BY LIST (region);
                 CREATE TABLE shop.sub PARTITION OF shop.middle DEFAULT PARTITION BY LIST {key};
                 ALTER TABLE shop.parts ATTACH PARTITION shop.middle FOR VALUES IN ('South')"
            ),
        ] {
            assert_refused(
                owner.batch_execute(&format!("BEGIN; {join}")),
                "42501",
                "privilege_missing",
            );
            owner.batch_execute("ROLLBACK")?;
        }
    }
    for allowed in [
        "CREATE TABLE shop.south PARTITION OF shop.parts FOR VALUES IN ('South') PARTITION BY LIST (lower(secret))",
        "CREATE TABLE shop.south_rest PARTITION OF shop.south DEFAULT",
        "CREATE TABLE shop.south_x PARTITION OF shop.south FOR VALUES IN ('x')",
        "ALTER TABLE shop.parts DETACH PARTITION shop.north",
        "ALTER TABLE shop.parts ATTACH PARTITION shop.north FOR VALUES IN ('North')",
    ] {
        assert_eq!(outcome(owner.batch_execute(allowed)), Ok(()), "{allowed}");
    }
    Ok(())
}

/// A key that was there before the first policy.
const KEYED: &str = "
SET ROLE app_owner;
CREATE TABLE shop.keyed (id integer, region text, secret text) PARTITION BY LIST (shop.seen(secret));
CREATE TABLE shop.rest PARTITION OF shop.keyed DEFAULT;
INSERT INTO shop.keyed VALUES (2, 'North', 'North-2');
";
/// What evaluates it over the default part, or over an attached table with hidden rows.
const EVALUATING: [&str; 3] = [
    "CREATE TABLE shop.more PARTITION OF shop.keyed FOR VALUES IN ('x')",
    "CREATE TABLE shop.more (id integer, region text, secret text); ALTER TABLE shop.keyed ATTACH PARTITION shop.more FOR VALUES IN ('x')",
    "ALTER TABLE shop.keyed DETACH PARTITION shop.rest; ALTER TABLE shop.keyed ATTACH PARTITION shop.rest DEFAULT;
     CREATE TABLE shop.more PARTITION OF shop.keyed FOR VALUES IN ('x')",
];

#[test]
fn a_key_that_was_there_before_is_warned_of_and_evaluated_no_more() -> Result<()> {
    for evaluating in EVALUATING {
        let control = created(false)?;
        control.admin()?.batch_execute(KEYED)?;
        let (mut owner, notices) = control.connect_noticing(role::OWNER)?;
        owner.batch_execute(evaluating)?;
        let saw = |notices: Vec<_>| {
            notices
                .iter()
                .any(|notice: &postgres::error::DbError| notice.message() == "saw North-2")
        };
        assert!(saw(notices.take()), "control: {evaluating}");

        let database = created(true)?;
        database.admin()?.batch_execute(KEYED)?;
        let (mut security, warnings) = database.connect_noticing(role::SECURITY)?;
        add_policy(&mut security, "shop.keyed", "by_region", BY_REGION)?;
        let warnings = warnings.take();
        assert!(
            warnings.iter().any(
                |warning| warning.message().contains("the partition key of \"shop.keyed\"")
                    && warning.hint().is_some()
            ),
            "{warnings:?}"
        );
        let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
        let refused = outcome(owner.batch_execute(evaluating));
        assert!(!saw(notices.take()), "{evaluating}");
        let token = refused.err().and_then(|refusal| refusal.token);
        assert_eq!(token.as_deref(), Some("privilege_missing"), "{evaluating}");
    }
    Ok(())
}
