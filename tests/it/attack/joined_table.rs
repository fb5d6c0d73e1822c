//! The owner makes on an open table what is refused on a protected one, and then lets the table join the protected family: foreign keys that remove
//! hidden rows and tell keys, expressions that are handed them, policies and copies of others.

use vpd_tests::{BY_REGION, Database, Outcome, Result, Subject, add_policy, attach, ids, outcome, role};

const FAMILIES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.parts (id integer, region text, secret text) PARTITION BY LIST (region);
CREATE TABLE shop.whole (id integer, region text, secret text);
CREATE TABLE shop.par (id integer PRIMARY KEY);
INSERT INTO shop.par VALUES (2), (3);
CREATE FUNCTION shop.seen(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', value; RETURN value; END $$;
CREATE FUNCTION shop.leak(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'saw %', value; RETURN true; END $$;
GRANT SELECT, INSERT ON shop.parts, shop.whole TO app_user;
";
const JOINING: &str = "CREATE TABLE shop.x (id integer, region text, secret text)";
const CLEAN: &str = "
DROP TABLE IF EXISTS shop.x, shop.middle, shop.probe CASCADE;
DROP PUBLICATION IF EXISTS sent;
INSERT INTO shop.par VALUES (2), (3) ON CONFLICT DO NOTHING;
";
const HIDDEN: &str = "ALTER TABLE shop.x ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON shop.x USING (false)";
const ROWS: &str = "INSERT INTO shop.x VALUES (2, 'West', 'West-2'), (3, 'West', 'West-3')";

/// How a table joins: as a part, as a child, inside a part.
const JOINS: [&str; 4] = [
    "ALTER TABLE shop.parts ATTACH PARTITION shop.x FOR VALUES IN ('West')",
    "ALTER TABLE shop.parts ATTACH PARTITION shop.x DEFAULT",
    "ALTER TABLE shop.x INHERIT shop.whole",
    "CREATE TABLE shop.middle (id integer, region text, secret text) PARTITION BY LIST (region);
     ALTER TABLE shop.middle ATTACH PARTITION shop.x DEFAULT;
     DO $$ BEGIN EXECUTE 'ALTER TABLE shop.parts ATTACH PARTITION shop.middle FOR VALUES IN (''West'')'; END $$",
];

/// What a thing on the table gives away afterwards.
#[derive(Debug)]
enum Loot {
    /// The owner's function is handed hidden values when he runs this.
    Values(&'static str),
    /// This removes hidden rows.
    Rows(&'static str),
    /// This succeeds for keys that exist only.
    Keys(&'static str, &'static str),
    /// It shows or is handed rows when others work, or in other places.
    Later,
}

/// What is brought, and what it gives away.
const THINGS: [(&str, Loot); 10] = [
    (
        "ALTER TABLE shop.x ADD FOREIGN KEY (id) REFERENCES shop.par ON DELETE CASCADE",
        Loot::Rows("DELETE FROM shop.par WHERE id = 3"),
    ),
    (
        "ALTER TABLE shop.x ADD UNIQUE (id); CREATE TABLE shop.probe (id integer REFERENCES shop.x (id))",
        Loot::Keys(
            "INSERT INTO shop.probe VALUES (2)",
            "INSERT INTO shop.probe VALUES (7)",
        ),
    ),
    (
        "CREATE INDEX ON shop.x (shop.seen(secret))",
        Loot::Values("REINDEX TABLE shop.x"),
    ),
    (
        "CREATE INDEX ON shop.x (id) WHERE shop.leak(secret)",
        Loot::Values("REINDEX TABLE shop.x"),
    ),
    (
        "ALTER TABLE shop.x ADD EXCLUDE USING btree (shop.seen(secret) WITH =)",
        Loot::Values("REINDEX TABLE shop.x"),
    ),
    (
        "CREATE STATISTICS shop.told ON (shop.seen(secret)) FROM shop.x",
        Loot::Values("ANALYZE shop.x"),
    ),
    ("ALTER TABLE shop.x ADD CHECK (shop.leak(secret))", Loot::Later),
    (
        "CREATE POLICY listener ON shop.x AS RESTRICTIVE USING (shop.leak(secret))",
        Loot::Later,
    ),
    ("CREATE PUBLICATION sent FOR TABLE shop.x", Loot::Later),
    (
        "CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.x",
        Loot::Later,
    ),
];

fn families(is_protected: bool) -> Result<Database<'static>> {
    let database = if is_protected {
        Database::create()?
    } else {
        Database::create_bare()?
    };
    let mut admin = database.admin()?;
    admin.batch_execute(&format!(
        "GRANT CREATE ON DATABASE {} TO app_owner; {FAMILIES}",
        database.name()
    ))?;
    if is_protected {
        let mut security = database.connect(role::SECURITY)?;
        for table in ["shop.parts", "shop.whole"] {
            add_policy(&mut security, table, "by_region", BY_REGION)?;
        }
    }
    Ok(database)
}

/// Lets a table with something on it join, puts rows into it that the owner does not see, and looks at what he gets of them.
fn attack(
    database: &Database<'_>,
    is_protected: bool,
    thing: &str,
    join: &str,
    loot: &Loot,
) -> Result<(Outcome<()>, bool)> {
    database.admin()?.batch_execute(CLEAN)?;
    let (mut owner, notices) = database.connect_noticing(role::OWNER)?;
    owner.batch_execute(JOINING)?;
    owner.batch_execute(thing)?;
    let joined = outcome(owner.batch_execute(join));
    if joined.is_err() {
        return Ok((joined, false));
    }
    let mut admin = database.admin()?;
    if !is_protected {
        admin.batch_execute(HIDDEN)?;
    }
    admin.batch_execute(ROWS)?;
    assert!(
        ids(&mut owner, "SELECT id FROM shop.x")?.is_empty(),
        "hidden from the owner"
    );
    drop(notices.take());
    let has_loot = match loot {
        Loot::Values(statement) => {
            owner.batch_execute(statement)?;
            notices
                .take()
                .iter()
                .any(|notice| notice.message() == "saw West-2")
        }
        Loot::Rows(statement) => {
            owner.batch_execute(statement)?;
            ids(&mut admin, "SELECT id FROM shop.x")?.len() == 1
        }
        Loot::Keys(there, not_there) => {
            owner.batch_execute(there).is_ok() && owner.batch_execute(not_there).is_err()
        }
        Loot::Later => true,
    };
    Ok((joined, has_loot))
}

#[test]
fn control_what_a_joined_table_brings_reaches_hidden_rows() -> Result<()> {
    let database = families(false)?;
    for (thing, loot) in &THINGS {
        for join in JOINS {
            let (joined, has_loot) = attack(&database, false, thing, join, loot)?;
            assert_eq!(joined, Ok(()), "{thing}; {join}");
            assert!(has_loot, "{thing}; {join}");
        }
    }
    Ok(())
}

#[test]
fn what_is_refused_on_a_protected_table_does_not_come_with_a_joined_one() -> Result<()> {
    let database = families(true)?;
    for (thing, loot) in &THINGS {
        for join in JOINS {
            let (joined, has_loot) = attack(&database, true, thing, join, loot)?;
            let token = joined.err().and_then(|refusal| refusal.token);
            assert_eq!(
                token.as_deref(),
                Some("privilege_missing"),
                "{thing}; {join}: {has_loot}"
            );
        }
    }
    Ok(())
}

/// Tables that are born in the family with such a thing.
const BORN: [&str; 8] = [
    "CREATE TABLE shop.x PARTITION OF shop.parts (FOREIGN KEY (id) REFERENCES shop.par ON DELETE CASCADE) FOR VALUES IN ('West')",
    "CREATE TABLE shop.x PARTITION OF shop.parts (EXCLUDE USING btree (shop.seen(secret) WITH =)) FOR VALUES IN ('West')",
    "CREATE TABLE shop.x PARTITION OF shop.parts (CHECK (shop.leak(secret))) FOR VALUES IN ('West')",
    "CREATE TABLE shop.x (FOREIGN KEY (id) REFERENCES shop.par ON DELETE CASCADE) INHERITS (shop.whole)",
    "CREATE TABLE shop.x (more text GENERATED ALWAYS AS (shop.seen(secret)) STORED) INHERITS (shop.whole)",
    "CREATE TABLE shop.model (id integer, secret text); CREATE INDEX ON shop.model (shop.seen(secret));
     CREATE TABLE shop.x (LIKE shop.model INCLUDING ALL) INHERITS (shop.whole)",
    "CREATE TABLE shop.model (id integer, secret text); CREATE STATISTICS shop.told ON (shop.seen(secret)) FROM shop.model;
     CREATE TABLE shop.x (LIKE shop.model INCLUDING ALL) INHERITS (shop.whole)",
    "CREATE TABLE shop.x (id integer, region text, secret text, more text GENERATED ALWAYS AS (shop.seen(secret)) STORED);
     ALTER TABLE shop.x INHERIT shop.whole",
];

#[test]
fn a_table_is_not_born_with_what_is_refused() -> Result<()> {
    let control = families(false)?;
    let database = families(true)?;
    for born in BORN {
        let statements = format!("BEGIN; {born}");
        let mut owner = control.connect(role::OWNER)?;
        assert_eq!(
            outcome(owner.batch_execute(&statements)),
            Ok(()),
            "control: {born}"
        );
        let mut owner = database.connect(role::OWNER)?;
        let refused = outcome(owner.batch_execute(&statements));
        let token = refused.err().and_then(|refusal| refusal.token);
        assert_eq!(token.as_deref(), Some("privilege_missing"), "{born}");
    }
    Ok(())
}

#[test]
fn what_comes_from_the_parent_and_what_meets_no_stored_row_may_join() -> Result<()> {
    let database = families(true)?;
    database.admin()?.batch_execute(
        "CREATE INDEX ON shop.parts (lower(secret)); ALTER TABLE shop.parts ADD CHECK (shop.leak(secret));
         ALTER TABLE shop.parts ADD FOREIGN KEY (id) REFERENCES shop.par;
         CREATE STATISTICS shop.of_admin ON (lower(secret)) FROM shop.parts",
    )?;
    let mut owner = database.connect(role::OWNER)?;
    for statement in [
        "CREATE TABLE shop.west PARTITION OF shop.parts (PRIMARY KEY (id)) FOR VALUES IN ('West')",
        "CREATE TABLE shop.east (id integer PRIMARY KEY, region text CHECK (region = 'East'), secret text);
         ALTER TABLE shop.east ADD CONSTRAINT parts_secret_check CHECK (shop.leak(secret));
         CREATE INDEX ON shop.east (region, id); CREATE INDEX ON shop.east (lower(secret));
         ALTER TABLE shop.parts ATTACH PARTITION shop.east FOR VALUES IN ('East')",
        "ALTER TABLE shop.parts DETACH PARTITION shop.east",
        "ALTER TABLE shop.parts ATTACH PARTITION shop.east FOR VALUES IN ('East')",
        "CREATE TABLE shop.child (note text DEFAULT 'none', CONSTRAINT late CHECK (id > 0)) INHERITS (shop.whole)",
        "CREATE TABLE shop.aside (id integer, region text, secret text);
         ALTER TABLE shop.aside ADD CHECK (shop.leak(secret)) NOT VALID; CREATE VIEW shop.shown AS SELECT * FROM shop.aside;
         ALTER TABLE shop.aside INHERIT shop.whole",
        "CREATE TABLE shop.open (id integer PRIMARY KEY, other integer REFERENCES shop.par);
         CREATE TABLE shop.open_child () INHERITS (shop.open); CREATE INDEX ON shop.open_child ((id + 1))",
    ] {
        assert_eq!(outcome(owner.batch_execute(statement)), Ok(()), "{statement}");
    }
    let token = Subject::in_region("alice", "West").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.execute("INSERT INTO shop.parts VALUES (2, 'West', 'x')", &[])?;
    assert_eq!(ids(&mut session, "SELECT id FROM shop.parts")?, [2]);
    Ok(())
}

#[test]
fn whoever_policies_do_not_apply_to_may_let_everything_join_and_is_warned_as_directly() -> Result<()> {
    let database = families(true)?;
    for (thing, _) in &THINGS {
        database.admin()?.batch_execute(CLEAN)?;
        let (mut admin, notices) = database.connect_noticing("postgres")?;
        admin.batch_execute(JOINING)?;
        admin.batch_execute(thing)?;
        drop(notices.take());
        admin.batch_execute(JOINS[0])?;
        let is_warned = notices.take().iter().any(|notice| notice.severity() == "WARNING");
        let is_shown = ["POLICY", "PUBLICATION", "VIEW"]
            .iter()
            .any(|word| thing.contains(word));
        assert_eq!(is_warned, is_shown, "{thing}");
    }
    Ok(())
}
