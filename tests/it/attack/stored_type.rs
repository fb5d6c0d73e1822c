//! Policies look at labels of an enum and at attributes of a composite type by name, and at types through their casts. The owner of a type, who has no
//! right on any table, gives those names to something else.

use vpd_tests::{Database, Result, Subject, assert_refused, attach, ids, role};

/// A table under a policy over a type that the stranger owns, and the session of somebody in the East, who may see row 1.
fn table_under(predicate: &str) -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    let (owner, stranger, user) = (role::OWNER, role::STRANGER, role::USER);
    database.admin()?.batch_execute(&format!(
        "CREATE SCHEMA ty;
         GRANT ALL ON SCHEMA ty TO {owner}, {stranger};
         GRANT USAGE ON SCHEMA ty TO PUBLIC;
         CREATE TYPE ty.side AS ENUM ('East', 'West');
         CREATE TYPE ty.place AS (region text, other text);
         ALTER TYPE ty.side OWNER TO {stranger};
         ALTER TYPE ty.place OWNER TO {stranger};
         CREATE TABLE ty.rows (id integer PRIMARY KEY, region text, side ty.side, place ty.place);
         INSERT INTO ty.rows VALUES (1, 'East', 'East', ('East', 'West')), (2, 'West', 'West', ('West', 'East'));
         ALTER TABLE ty.rows OWNER TO {owner};
         GRANT SELECT ON ty.rows TO {user};
         CREATE TABLE ty.look_up (label text, seen text);
         INSERT INTO ty.look_up VALUES ('East', 'East');
         GRANT SELECT ON ty.look_up TO PUBLIC"
    ))?;
    let add = "SELECT vpd.add_policy('ty.rows', 'p', predicate => $1)";
    database.connect(role::SECURITY)?.execute(add, &[&predicate])?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    Ok((database, token))
}

fn seen(database: &Database<'_>, token: &str) -> Result<Vec<i32>> {
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, token)?;
    Ok(ids(&mut transaction, "SELECT id FROM ty.rows ORDER BY id")?)
}

const OF_SIDE: &str = "side::text = vpd.attribute('app', 'region')";
const OF_PLACE: &str = "(place).region = vpd.attribute('app', 'region')";
const RELABEL: &str =
    "ALTER TYPE ty.side RENAME VALUE 'East' TO 'x'; ALTER TYPE ty.side RENAME VALUE 'West' TO 'East'";
const RENAME: &str =
    "ALTER TYPE ty.place RENAME ATTRIBUTE region TO x; ALTER TYPE ty.place RENAME ATTRIBUTE other TO region";

#[test]
fn control_whoever_policies_do_not_bind_moves_a_policy_so() -> Result<()> {
    for (predicate, change) in [(OF_SIDE, RELABEL), (OF_PLACE, RENAME)] {
        let (database, token) = table_under(predicate)?;
        assert_eq!(seen(&database, &token)?, [1]);
        database.admin()?.batch_execute(change)?;
        assert_eq!(seen(&database, &token)?, [2], "{change}");
    }
    Ok(())
}

#[test]
fn the_owner_of_a_type_moves_no_policy() -> Result<()> {
    let (database, token) = table_under(&format!("{OF_SIDE} AND {OF_PLACE}"))?;
    let mut stranger = database.connect(role::STRANGER)?;
    stranger.batch_execute(
        "CREATE FUNCTION ty.says(ty.side) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'East' $$;
         CREATE FUNCTION ty.says(ty.place) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'East' $$",
    )?;
    for change in [
        RELABEL,
        RENAME,
        "ALTER TYPE ty.place DROP ATTRIBUTE region, ADD ATTRIBUTE region text",
        "CREATE CAST (ty.side AS text) WITH FUNCTION ty.says(ty.side)",
        "CREATE CAST (ty.place AS text) WITH FUNCTION ty.says(ty.place) AS IMPLICIT",
    ] {
        assert_refused(stranger.batch_execute(change), "42501", "privilege_missing");
        let within = format!("DO $do$ BEGIN {change}; END $do$");
        assert_refused(stranger.batch_execute(&within), "42501", "privilege_missing");
        assert_eq!(seen(&database, &token)?, [1], "{change}");
    }
    // What takes no name away stays allowed, and so do types that no table under policy stores.
    stranger.batch_execute(
        "ALTER TYPE ty.side ADD VALUE 'North';
         CREATE TYPE ty.free AS ENUM ('a');
         ALTER TYPE ty.free RENAME VALUE 'a' TO 'b'",
    )?;
    Ok(())
}

/// The protected action of an enum's label is demanded whoever renames it.
#[test]
fn the_owner_of_a_type_escapes_no_protected_action() -> Result<()> {
    let (database, _) = table_under("true")?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SELECT vpd.drop_policy('ty.rows', 'p');
         SELECT vpd.define_resource('row', 'page');
         SELECT vpd.define_privilege('row:approve');
         SELECT vpd.protect_action('ty.rows', NULL, 'row:approve', 'side', 'West')",
    )?;
    let mut stranger = database.connect(role::STRANGER)?;
    assert_refused(stranger.batch_execute(RELABEL), "42501", "privilege_missing");
    Ok(())
}

/// A cast has no schema that a name could pin, so a predicate takes those of superusers only.
#[test]
fn a_cast_of_a_plain_role_hands_no_row_to_its_function() -> Result<()> {
    let predicate = "EXISTS (SELECT FROM ty.look_up l WHERE l.label = region AND l.seen::ty.free::text = vpd.attribute('app', 'region'))";
    let database = {
        let (database, _) = table_under("true")?;
        let stranger = role::STRANGER;
        database.admin()?.batch_execute(&format!(
            "CREATE TYPE ty.free AS ENUM ('East'); ALTER TYPE ty.free OWNER TO {stranger}"
        ))?;
        database
    };
    let alter = "SELECT vpd.alter_policy('ty.rows', 'p', predicate => $1)";
    database.connect(role::SECURITY)?.execute(alter, &[&predicate])?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    assert_eq!(seen(&database, &token)?, [1]);
    let make = "CREATE FUNCTION ty.says(ty.free) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'handed %', $1; RETURN 'East'; END $$;
                CREATE CAST (ty.free AS text) WITH FUNCTION ty.says(ty.free)";
    // The type is stored nowhere, so its owner may make the cast. The policy then shows nothing, and the function is handed nothing.
    database.connect(role::STRANGER)?.batch_execute(make)?;
    let (mut user, notices) = database.connect_noticing(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_refused(
        transaction.query("SELECT id FROM ty.rows", &[]),
        "22023",
        "predicate_invalid",
    );
    transaction.rollback()?;
    assert!(notices.take().is_empty());
    // The control: a superuser's function is part of the predicate.
    database
        .admin()?
        .batch_execute("ALTER FUNCTION ty.says(ty.free) OWNER TO postgres")?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    assert_eq!(ids(&mut transaction, "SELECT id FROM ty.rows")?, [1]);
    transaction.rollback()?;
    assert!(!notices.take().is_empty());
    Ok(())
}

/// A predicate may call a function of the table's owner. Asked what somebody sees, an administrator runs it in that one's session, where it writes nothing.
#[test]
fn nothing_is_written_in_the_name_of_whoever_is_asked_about() -> Result<()> {
    let (database, token) = table_under("true")?;
    let (owner, user, security) = (role::OWNER, role::USER, role::SECURITY);
    database.admin()?.batch_execute(&format!(
        "CREATE TABLE ty.loot (who text); CREATE SEQUENCE ty.told;
         ALTER TABLE ty.loot OWNER TO {owner}; ALTER SEQUENCE ty.told OWNER TO {owner};
         GRANT INSERT ON ty.loot TO {user}, {security}; GRANT ALL ON ty.told TO {user}, {security}; GRANT SELECT ON ty.rows TO {security}"
    ))?;
    database.connect(owner)?.batch_execute(
        "CREATE FUNCTION ty.asks(integer) RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN
             BEGIN INSERT INTO ty.loot SELECT vpd.user_name(); EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN PERFORM nextval('ty.told'); EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN PERFORM set_config('transaction_read_only', 'off', false); EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN PERFORM vpd.grant_exempt('app_owner', 'x', 'ty.rows'); EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN INSERT INTO ty.loot SELECT vpd.user_name(); EXCEPTION WHEN OTHERS THEN NULL; END;
             RETURN true;
         END $$",
    )?;
    let alter = "SELECT vpd.alter_policy('ty.rows', 'p', predicate => 'ty.asks(id)')";
    database.connect(security)?.batch_execute(alter)?;
    let mut admin = database.admin()?;
    let mut written = || -> Result<(i64, i64, i64)> {
        let counts = "SELECT (SELECT count(*) FROM ty.loot), (SELECT last_value - (NOT is_called)::int FROM ty.told), (SELECT count(*) FROM vpd.exemptions)";
        let row = admin.query_one(counts, &[])?;
        Ok((row.get(0), row.get(1), row.get(2)))
    };
    // The control: whoever has the session himself runs the function as any other, and it writes.
    let mut client = database.connect(user)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.query("SELECT FROM ty.rows", &[])?;
    transaction.commit()?;
    let before = written()?;
    assert!(before.0 > 0 && before.1 > 0 && before.2 == 0, "{before:?}");
    for administrator in [security, "postgres"] {
        let mut asking = database.connect(administrator)?;
        asking.batch_execute(
            "SELECT * FROM vpd.explain_access('alice', 'ty.rows', '1'::text);
             SELECT vpd.shadow_policy('ty.rows', 'p', 'ty.asks(id) AND true')",
        )?;
        asking.query("SELECT * FROM vpd.policy_diff('ty.rows', 'alice', 'p')", &[])?;
        assert_eq!(written()?, before, "asked by {administrator}");
        // The transaction itself can write again.
        asking.batch_execute("CREATE TEMP TABLE mine (id integer)")?;
    }
    Ok(())
}
