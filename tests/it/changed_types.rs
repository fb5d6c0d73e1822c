//! Types that change under whatever is kept by the name or number of a column: each column that a function of the library keeps, each type,
//! both ways of changing it. Statements work or are refused clearly; the server stays up, and so does every connection.

use std::fs;

use postgres::Client;
use vpd_tests::{Cluster, Database, Extension, Library, Outcome, Result, Subject, attach, outcome, role};

/// Types, and a value of each.
const TYPES: [(&str, &str); 14] = [
    ("integer", "7"),
    ("bigint", "7"),
    ("boolean", "true"),
    ("text", "repeat('x', 9000)"),
    ("varchar(3)", "'x'"),
    ("name", "'x'"),
    ("jsonb", "'{\"a\": [1]}'"),
    ("double precision", "7.5"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    ("timestamptz", "clock_timestamp()"),
    ("text[]", "'{x,NULL}'"),
    ("shop.mood", "'sad'"),
    ("shop.pair", "'(1,x)'"),
    ("shop.short", "'x'"),
];

/// A table on which something of the library keeps every column, by name or by number, and relations that are kept beside it.
const SCENE: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TYPE shop.mood AS ENUM ('sad', 'glad');
CREATE TYPE shop.pair AS (number integer, word text);
CREATE DOMAIN shop.short AS text CHECK (length(VALUE) < 10000);
CREATE TABLE shop.goods (
    id integer PRIMARY KEY, region text, place text, status text, secret text, hint text, note text, amount integer
);
INSERT INTO shop.goods SELECT n, 'East', 'East', 'open', 'secret', 'hint', 'note', n FROM generate_series(1, 200) n;
CREATE TABLE shop.allowed (region text, number integer);
INSERT INTO shop.allowed SELECT 'East', n FROM generate_series(1, 200) n;
CREATE VIEW shop.allowing AS SELECT number FROM shop.allowed;
CREATE TABLE shop.places (key text, parent text, level text);
INSERT INTO shop.places VALUES ('East', NULL, 'region');
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO app_user, sec_admin;
RESET ROLE;
";

const DEFINITIONS: &str = "
SELECT vpd.define_user('alice'), vpd.define_resource('goods'), vpd.define_privilege('goods:sell'), vpd.define_role('Seller');
SELECT vpd.grant_authority('privilege:goods:sell', 'role:Seller'), vpd.grant_authority('role:Seller', 'user:alice');
SELECT vpd.define_hierarchy('places', '{region}'), vpd.define_data_group('east');
SELECT vpd.load_nodes('places', 'shop.places', 'key', 'parent', 'level');
SELECT vpd.grant_node('east', 'places', 'East'), vpd.grant_authority('data_group:east', 'user:alice');
SELECT vpd.track_changes('shop.goods');
SELECT vpd.protect_action('shop.goods', 'created_by', 'goods:sell', 'status', 'sold', '{id}');
SELECT vpd.protect_by_hierarchy('shop.goods', 'places', 'place');
SELECT vpd.add_policy('shop.goods', 'region', $$region IN (SELECT a.region FROM shop.allowed a)$$);
SELECT vpd.add_policy('shop.goods', 'amount', $$amount IN (SELECT a.number FROM shop.allowed a WHERE a.number > 0)$$, statement_types => '{select}');
SELECT vpd.add_policy('shop.goods', 'note', 'id > 0', relevant_columns => '{note}');
SELECT vpd.add_mask('shop.goods', 'secret', $$vpd.mask_partial(secret, 1)$$, visible_when => $$hint = 'shown'$$);
";

/// The columns that something keeps.
const COLUMNS: [(&str, &str); 16] = [
    ("shop.goods", "created_by"),
    ("shop.goods", "created_at"),
    ("shop.goods", "created_login"),
    ("shop.goods", "updated_by"),
    ("shop.goods", "updated_at"),
    ("shop.goods", "updated_login"),
    ("shop.goods", "id"),
    ("shop.goods", "region"),
    ("shop.goods", "place"),
    ("shop.goods", "status"),
    ("shop.goods", "secret"),
    ("shop.goods", "hint"),
    ("shop.goods", "note"),
    ("shop.goods", "amount"),
    ("shop.allowed", "region"),
    ("shop.places", "key"),
];

/// What the session's user does; each is prepared before anything changes as well.
const STATEMENTS: [&str; 6] = [
    "SELECT count(*) FROM shop.goods",
    "SELECT * FROM shop.goods ORDER BY 1 LIMIT 3",
    "SELECT note FROM shop.goods WHERE secret IS NOT NULL AND region IS NOT NULL",
    "UPDATE shop.goods SET status = 'sold' WHERE ctid = '(0,1)'",
    "INSERT INTO shop.goods (amount) VALUES (7)",
    "DELETE FROM shop.goods WHERE ctid = '(0,2)'",
];

/// What administrators do.
const LOOKS: [&str; 5] = [
    "SELECT * FROM vpd.explain_access('alice', 'shop.goods', '1')",
    "SELECT * FROM vpd.policy_diff('shop.goods', 'alice')",
    "SELECT vpd.effective_predicate('shop.goods')",
    "SELECT * FROM vpd.load_nodes('places', 'shop.places', 'key', 'parent', 'level')",
    "SELECT * FROM vpd.load_levels('places', 'shop.places', '{key}')",
];

/// Works, or is refused in words that somebody can act on.
fn is_clear<T>(done: &Outcome<T>) -> bool {
    match done {
        Ok(_) => true,
        Err(refusal) => !matches!(&refusal.state.code()[..2], "XX" | "57" | "08"),
    }
}

struct Scene<'a> {
    database: Database<'a>,
    /// Owners are refused some of the changes.
    admin: Client,
    owner: Client,
    user: Client,
    prepared: Vec<postgres::Statement>,
    security: Client,
    token: String,
}

impl Scene<'_> {
    fn create(cluster: &Cluster) -> Result<Scene<'_>> {
        let database = Database::create_in(cluster)?;
        database.admin()?.batch_execute(SCENE)?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(DEFINITIONS)?;
        let token = Subject::new("alice").log_in(&database)?;
        let admin = database.admin()?;
        let (owner, mut user) = (database.connect(role::OWNER)?, database.connect(role::USER)?);
        let prepared = STATEMENTS
            .iter()
            .map(|statement| user.prepare(statement))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Scene {
            database,
            admin,
            owner,
            user,
            prepared,
            security,
            token,
        })
    }

    /// Everything that looks at the columns; nothing that it writes stays.
    fn use_all(&mut self, what: &str) -> Result<()> {
        for (number, statement) in STATEMENTS.iter().enumerate() {
            // Not every one twice: what a prepared one finds in its plan, a fresh one finds in what the backend keeps.
            for is_prepared in [true, false].into_iter().take(1 + number % 2) {
                let mut transaction = self.user.transaction()?;
                attach(&mut transaction, &self.token)?;
                let done = if is_prepared {
                    outcome(transaction.query(&self.prepared[number], &[]).map(|_| ()))
                } else {
                    outcome(transaction.batch_execute(statement))
                };
                assert!(is_clear(&done), "{what}: {statement}: {done:?}");
            }
        }
        for look in LOOKS {
            let done = outcome(self.security.batch_execute(&format!("BEGIN; {look}; ROLLBACK")));
            assert!(is_clear(&done), "{what}: {look}: {done:?}");
            self.security.batch_execute("ROLLBACK")?;
        }
        Ok(())
    }
}

#[test]
fn no_change_of_a_type_takes_the_server_down() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let mut scene = Scene::create(&cluster)?;
    let mut witness = scene.database.connect(role::STRANGER)?;
    scene.use_all("before")?;
    let mut changes = 0;
    for (number, (table, column)) in COLUMNS.into_iter().enumerate() {
        let type_of = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2";
        let former: String = scene
            .database
            .admin()?
            .query_one(type_of, &[&table, &column])?
            .get(0);
        let (_, value) = TYPES
            .iter()
            .find(|(name, _)| {
                *name == former
                    || former.starts_with(name)
                    || *name == "timestamptz" && former.starts_with("timestamp with")
            })
            .unwrap_or(&("text", "'x'"));
        let value = if column == "id" || column == "amount" {
            "1"
        } else {
            value
        };
        for (place, (kind, new)) in TYPES.into_iter().enumerate() {
            // Both ways in turn, and over the columns every type in both ways.
            let change = if (place + number) % 2 == 0 {
                format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} USING {new}")
            } else {
                format!(
                    "ALTER TABLE {table} DROP COLUMN {column} CASCADE; ALTER TABLE {table} ADD COLUMN {column} {kind} DEFAULT {new}"
                )
            };
            let change = if column == "id" {
                format!("ALTER TABLE shop.goods DROP CONSTRAINT IF EXISTS goods_pkey; {change}")
            } else {
                change
            };
            // A type that cannot be had here, because of what depends on it, is no change.
            if scene.admin.batch_execute(&change).is_ok() {
                changes += 1;
                // Statistics of the new type, for whatever is still planned for the former one.
                scene.admin.batch_execute(&format!("ANALYZE {table}"))?;
            }
            scene.use_all(&change)?;
            assert_eq!(witness.query("SELECT", &[])?.len(), 1, "{change}");
        }
        scene.admin.batch_execute(&format!(
            "ALTER TABLE {table} DROP COLUMN {column} CASCADE; ALTER TABLE {table} ADD COLUMN {column} {former} DEFAULT {value}"
        ))?;
    }
    assert!(changes > 150, "{changes} changes went through");
    let log = fs::read_to_string(cluster.log())?;
    assert!(!log.contains("terminated by signal"), "{log}");
    Ok(())
}

/// A predicate is kept as it was understood; a type that changes in another table than its own is understood anew.
#[test]
fn a_policy_follows_the_types_of_the_tables_it_looks_up() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let mut scene = Scene::create(&cluster)?;
    for (kind, expected) in [("text", 200_i64), ("bigint", 0), ("text", 0)] {
        scene.owner.batch_execute(&format!(
            "ALTER TABLE shop.allowed ALTER COLUMN region TYPE {kind} USING length(region::text); ANALYZE shop.allowed"
        ))?;
        let expected = if kind == "text" && expected == 200 {
            scene
                .owner
                .batch_execute("UPDATE shop.allowed SET region = 'East'; ANALYZE shop.allowed")?;
            expected
        } else {
            expected
        };
        let mut transaction = scene.user.transaction()?;
        attach(&mut transaction, &scene.token)?;
        let seen = outcome(
            transaction
                .query_one(STATEMENTS[0], &[])
                .map(|row| row.get::<_, i64>(0)),
        );
        if kind == "text" {
            assert_eq!(seen, Ok(expected), "{kind}");
        } else {
            let refusal = seen.expect_err("text is compared with bigint");
            assert_eq!(
                refusal.token.as_deref(),
                Some("predicate_invalid"),
                "{kind}: {refusal:?}"
            );
        }
    }
    Ok(())
}

/// What is looked up under the name of a policy function is called only while it is one.
#[test]
fn a_policy_function_that_returns_something_else_is_not_called() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    vpd_tests::create_orders(&database)?;
    let mut admin = database.admin()?;
    let (mut user, mut witness) = (database.connect(role::USER)?, database.connect(role::STRANGER)?);
    let make = |result: &str, body: &str| {
        format!("CREATE FUNCTION shop.f(text, text) RETURNS {result} LANGUAGE sql AS $$SELECT {body}$$")
    };
    admin.batch_execute(&make("text", "'true'"))?;
    for kind in ["dynamic", "context_sensitive", "static"] {
        database.connect(role::SECURITY)?.execute(
            "SELECT vpd.add_policy('shop.orders', $1, policy_function => 'shop.f', kind => $1)",
            &[&kind],
        )?;
    }
    let token = Subject::new("alice").log_in(&database)?;
    for (result, body) in [
        ("bigint", "7::bigint"),
        ("text[]", "'{x}'::text[]"),
        ("varchar", "'true'::varchar"),
        ("SETOF text", "'true'"),
        ("jsonb", "'{}'::jsonb"),
        ("TABLE (a text, b text)", "'true', 'true'"),
    ] {
        admin.batch_execute(&format!("DROP FUNCTION shop.f; {}", make(result, body)))?;
        // The row of the function changed by hand, as no command does it.
        for by_hand in ["", "UPDATE pg_proc SET prosrc = 'SELECT 7' WHERE proname = 'f'"] {
            admin.batch_execute(by_hand)?;
            let mut transaction = user.transaction()?;
            attach(&mut transaction, &token)?;
            let seen = outcome(
                transaction
                    .query("SELECT FROM shop.orders", &[])
                    .map(|rows| rows.len()),
            );
            assert!(seen.is_err() && is_clear(&seen), "{result}: {seen:?}");
            assert_eq!(witness.query("SELECT", &[])?.len(), 1, "{result}");
        }
    }
    admin.batch_execute(&format!("DROP FUNCTION shop.f; {}", make("text", "'true'")))?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(transaction.query("SELECT FROM shop.orders", &[])?.len(), 40);
    drop(transaction);
    // By hand, under a function that was looked up.
    admin.batch_execute("UPDATE pg_proc SET prorettype = 'bigint'::regtype WHERE proname = 'f'")?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let seen = outcome(
        transaction
            .query("SELECT FROM shop.orders", &[])
            .map(|rows| rows.len()),
    );
    assert!(seen.is_err() && is_clear(&seen), "{seen:?}");
    assert_eq!(witness.query("SELECT", &[])?.len(), 1);
    Ok(())
}
