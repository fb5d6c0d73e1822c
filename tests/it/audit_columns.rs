//! Audit columns: what they get from the session, whatever statements write there, in every kind of table and statement; pseudonyms, consent.

use std::io::Write;

use postgres::Client;
use vpd_tests::{
    Database, Outcome, Result, Subject, assert_all_refused, assert_refused, attach, outcome, role,
};

const NOTES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.notes (id integer PRIMARY KEY, body text);
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.notes TO app_user;
RESET ROLE;
";

/// A tracked table; the columns are added.
fn tracked(identity: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(NOTES)?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.track_changes('shop.notes', identity => $1)",
        &[&identity],
    )?;
    Ok(database)
}

/// Runs statements in a session of a user, in a transaction of its own.
fn run_as(client: &mut Client, database: &Database<'_>, user: &str, statements: &str) -> Result<()> {
    let token = Subject::new(user).log_in(database)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute(statements)?;
    Ok(transaction.commit()?)
}

/// created_by, created_login, updated_by, updated_login of a row, and whether both times are of the last minute.
fn columns(client: &mut Client, table: &str, id: i32) -> Outcome<[Option<String>; 4]> {
    let query = format!(
        "SELECT created_by, created_login, updated_by, updated_login,
                created_at > clock_timestamp() - interval '1 minute' AND updated_at BETWEEN created_at AND clock_timestamp()
           FROM {table} WHERE id = $1"
    );
    let row = outcome(client.query_one(&query, &[&id]))?;
    assert_eq!(row.get::<_, Option<bool>>(4), Some(true));
    Ok(std::array::from_fn(|column| row.get(column)))
}

fn names(values: [&str; 4]) -> Outcome<[Option<String>; 4]> {
    Ok(values.map(|value| Some(value.to_owned())))
}

/// What a database role leaves without a session: its name, and that nobody is known to have acted.
fn of_role(role: &str) -> Outcome<[Option<String>; 4]> {
    Ok([Some(role), None, Some(role), None].map(|name| name.map(str::to_owned)))
}

#[test]
fn inserting_and_updating_fill_them_from_the_session() -> Result<()> {
    let database = tracked("name")?;
    let (mut user, mut admin) = (database.connect(role::USER)?, database.admin()?);
    run_as(
        &mut user,
        &database,
        "alice",
        "INSERT INTO shop.notes VALUES (1, 'a')",
    )?;
    assert_eq!(columns(&mut admin, "shop.notes", 1), names(["alice"; 4]));
    run_as(&mut user, &database, "bob", "UPDATE shop.notes SET body = 'b'")?;
    assert_eq!(
        columns(&mut admin, "shop.notes", 1),
        names(["alice", "alice", "bob", "bob"])
    );
    Ok(())
}

#[test]
fn without_a_session_they_get_the_database_role_and_no_login() -> Result<()> {
    let database = tracked("pseudonym")?;
    database
        .connect(role::OWNER)?
        .batch_execute("INSERT INTO shop.notes VALUES (1, 'a')")?;
    assert_eq!(
        columns(&mut database.admin()?, "shop.notes", 1),
        of_role(role::OWNER)
    );
    Ok(())
}

#[test]
fn the_audit_identity_and_the_login_are_both_kept() -> Result<()> {
    let database = tracked("name")?;
    let row = database.connect(role::BRIDGE)?.query_one(
        "SELECT vpd.create_session('service', 'portal', audit_identity => 'alice')",
        &[],
    )?;
    let token: String = row.get(0);
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute("INSERT INTO shop.notes VALUES (1, 'a')")?;
    transaction.commit()?;
    assert_eq!(
        columns(&mut database.admin()?, "shop.notes", 1),
        names(["alice", "service", "alice", "service"])
    );
    Ok(())
}

#[test]
fn what_a_statement_writes_there_does_not_count() -> Result<()> {
    let database = tracked("name")?;
    let (mut user, mut admin) = (database.connect(role::USER)?, database.admin()?);
    let forged = "'mallory', '2000-01-01', 'mallory', 'mallory', '2000-01-01', 'mallory'";
    let list = "(id, created_by, created_at, created_login, updated_by, updated_at, updated_login)";
    let update = "created_by = 'mallory', created_at = NULL, created_login = NULL, updated_by = NULL, updated_at = '2000-01-01', updated_login = NULL";
    for (id, statement) in [
        (1, format!("INSERT INTO shop.notes {list} VALUES (1, {forged})")),
        (2, format!("INSERT INTO shop.notes {list} SELECT 2, {forged}")),
        (
            3,
            format!("INSERT INTO shop.notes {list} VALUES (3, {forged}) ON CONFLICT (id) DO NOTHING"),
        ),
        (
            4,
            format!(
                "MERGE INTO shop.notes n USING (SELECT 4 AS id) s ON n.id = s.id
                  WHEN NOT MATCHED THEN INSERT {list} VALUES (4, {forged})"
            ),
        ),
    ] {
        run_as(&mut user, &database, "alice", &statement)?;
        assert_eq!(
            columns(&mut admin, "shop.notes", id),
            names(["alice"; 4]),
            "{statement}"
        );
    }
    for statement in [
        format!("UPDATE shop.notes SET {update}"),
        format!(
            "INSERT INTO shop.notes (id) VALUES (1), (2), (3), (4) ON CONFLICT (id) DO UPDATE SET {update}"
        ),
        format!(
            "MERGE INTO shop.notes n USING generate_series(1, 4) s (id) ON n.id = s.id WHEN MATCHED THEN UPDATE SET {update}"
        ),
    ] {
        run_as(&mut user, &database, "bob", &statement)?;
        for id in 1..=4 {
            assert_eq!(
                columns(&mut admin, "shop.notes", id),
                names(["alice", "alice", "bob", "bob"]),
                "{statement}"
            );
        }
    }
    Ok(())
}

#[test]
fn copying_fills_them_as_well() -> Result<()> {
    let database = tracked("name")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let mut copy = transaction.copy_in("COPY shop.notes (id, body, created_by) FROM STDIN")?;
    copy.write_all(b"1\ta\tmallory\n2\tb\tmallory\n")?;
    assert_eq!(copy.finish()?, 2);
    transaction.commit()?;
    for id in [1, 2] {
        assert_eq!(
            columns(&mut database.admin()?, "shop.notes", id),
            names(["alice"; 4])
        );
    }
    Ok(())
}

const PARTS: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.parts (gone integer, id integer, region text, body text) PARTITION BY LIST (region);
ALTER TABLE shop.parts DROP COLUMN gone;
CREATE TABLE shop.east PARTITION OF shop.parts FOR VALUES IN ('East');
CREATE TABLE shop.west (region text, body text, id integer);
ALTER TABLE shop.parts ATTACH PARTITION shop.west FOR VALUES IN ('West');
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.parts, shop.east, shop.west TO app_user;
RESET ROLE;
SELECT vpd.track_changes('shop.parts');
";

#[test]
fn a_row_that_moves_to_another_partition_keeps_its_maker() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(PARTS)?;
    let mut user = database.connect(role::USER)?;
    run_as(
        &mut user,
        &database,
        "alice",
        "INSERT INTO shop.parts (id, region) SELECT n, 'East' FROM generate_series(1, 3) n",
    )?;
    run_as(
        &mut user,
        &database,
        "bob",
        "UPDATE shop.parts SET region = 'West', created_by = 'mallory'",
    )?;
    for id in 1..=3 {
        assert_eq!(
            columns(&mut admin, "shop.west", id),
            names(["alice", "alice", "bob", "bob"])
        );
    }
    // A new row is nobody else's, also when it is the copy of one that was deleted.
    run_as(
        &mut user,
        &database,
        "bob",
        "WITH gone AS (DELETE FROM shop.parts WHERE id = 1 RETURNING *) INSERT INTO shop.parts SELECT * FROM gone;
         UPDATE shop.parts SET body = 'x' WHERE id = 2;
         WITH gone AS (DELETE FROM shop.parts WHERE id = 2 RETURNING *) INSERT INTO shop.parts SELECT * FROM gone",
    )?;
    for id in [1, 2] {
        assert_eq!(columns(&mut admin, "shop.parts", id), names(["bob"; 4]));
    }
    Ok(())
}

#[test]
fn partitions_and_children_that_come_later_follow() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(PARTS)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE TABLE shop.north PARTITION OF shop.parts FOR VALUES IN ('North');
         CREATE TABLE shop.base (id integer);
         CREATE TABLE shop.child () INHERITS (shop.base)",
    )?;
    admin.batch_execute("SELECT vpd.track_changes('shop.base')")?;
    owner.batch_execute(
        "CREATE TABLE shop.later () INHERITS (shop.base);
         CREATE TABLE shop.joined (LIKE shop.base);
         ALTER TABLE shop.joined INHERIT shop.base;
         INSERT INTO shop.north (id, region, created_by) VALUES (1, 'North', 'mallory');
         INSERT INTO shop.child (id, created_by) VALUES (1, 'mallory');
         INSERT INTO shop.later (id, created_by) VALUES (1, 'mallory');
         INSERT INTO shop.joined (id, created_by) VALUES (1, 'mallory')",
    )?;
    for table in ["north", "child", "later", "joined"] {
        assert_eq!(
            columns(&mut admin, &format!("shop.{table}"), 1),
            of_role(role::OWNER),
            "{table}"
        );
    }
    Ok(())
}

#[test]
fn columns_that_exist_are_used_and_followed_when_they_are_renamed() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(NOTES)?;
    admin.batch_execute(
        "ALTER TABLE shop.notes ADD COLUMN author varchar(20) NOT NULL, ADD COLUMN born timestamptz NOT NULL;
         SELECT vpd.track_changes('shop.notes', created_by => 'author', created_at => 'born')",
    )?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("INSERT INTO shop.notes (id) VALUES (1)")?;
    owner.batch_execute("ALTER TABLE shop.notes RENAME COLUMN author TO writer")?;
    owner.batch_execute("INSERT INTO shop.notes (id, writer) VALUES (2, 'mallory')")?;
    owner.batch_execute("UPDATE shop.notes SET writer = 'mallory'")?;
    let written: i64 = admin
        .query_one(
            "SELECT count(*) FROM shop.notes WHERE writer = 'app_owner' AND born IS NOT NULL AND updated_by = 'app_owner'",
            &[],
        )?
        .get(0);
    assert_eq!(written, 2);
    let view = database.connect(role::AUDITOR)?.query_one(
        "SELECT relation::text, identity, created_by, created_at, updated_by FROM vpd.tracked_tables",
        &[],
    )?;
    let shown: [String; 5] = std::array::from_fn(|column| view.get(column));
    assert_eq!(shown, ["shop.notes", "name", "writer", "born", "updated_by"]);
    // A name that does not fit is an error, not half a name.
    let token = Subject::new(&"a".repeat(21)).log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let refused = outcome(transaction.execute("INSERT INTO shop.notes (id) VALUES (3)", &[]));
    assert_eq!(
        refused
            .err()
            .map(|refusal| refusal.state.code().to_owned())
            .as_deref(),
        Some("22001")
    );
    Ok(())
}

#[test]
fn a_column_that_is_gone_stops_the_writing() -> Result<()> {
    let database = tracked("name")?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("ALTER TABLE shop.notes DROP COLUMN updated_login")?;
    assert_refused(
        owner.batch_execute("INSERT INTO shop.notes (id) VALUES (1)"),
        "55000",
        "not_ready",
    );
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.track_changes('shop.notes')")?;
    owner.batch_execute("INSERT INTO shop.notes (id) VALUES (1)")?;
    assert_eq!(columns(&mut owner, "shop.notes", 1), of_role(role::OWNER));
    Ok(())
}

#[test]
fn what_cannot_be_tracked_is_refused() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(NOTES)?;
    admin.batch_execute(
        "CREATE VIEW shop.seen AS SELECT * FROM shop.notes;
         CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.notes;
         CREATE TEMP TABLE passing (id integer);
         CREATE TABLE shop.parts (id integer) PARTITION BY LIST (id);
         CREATE TABLE shop.part PARTITION OF shop.parts FOR VALUES IN (1);
         CREATE TABLE shop.numbered (id integer, created_by integer);
         CREATE TABLE shop.dated (id integer, created_at date);
         CREATE TABLE shop.made (id integer, created_by text GENERATED ALWAYS AS ('x') STORED)",
    )?;
    assert_all_refused(
        &mut admin,
        "SELECT vpd.track_changes('{}')",
        "
         42809 relation_unsupported shop.seen
         42809 relation_unsupported shop.stored
         42809 relation_unsupported pg_temp.passing
         42809 relation_unsupported shop.part
         42809 relation_unsupported pg_class
         42809 relation_unsupported vpd_private.session
         42804 column_type          shop.numbered
         42804 column_type          shop.dated
         42804 column_type          shop.made",
    );
    assert_all_refused(
        &mut admin,
        "SELECT vpd.track_changes({})",
        "
         22023 argument_invalid   'shop.notes', created_by => 'updated_by'
         22023 argument_invalid   'shop.notes', created_by => NULL
         22023 argument_invalid   'shop.notes', identity => 'initials'
         22023 argument_invalid   NULL
         42704 relation_not_found 4294967294::oid::regclass",
    );
    let untracked = admin.execute("SELECT vpd.untrack_changes('shop.notes')", &[]);
    assert_refused(untracked, "42704", "table_not_tracked");
    Ok(())
}

#[test]
fn a_table_that_is_not_tracked_any_more_is_the_applications_own() -> Result<()> {
    let database = tracked("name")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.untrack_changes('shop.notes')")?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("INSERT INTO shop.notes (id, created_by) VALUES (1, 'anybody')")?;
    let by: String = owner.query_one("SELECT created_by FROM shop.notes", &[])?.get(0);
    assert_eq!(by, "anybody");
    assert!(security.query("SELECT FROM vpd.tracked_tables", &[])?.is_empty());
    Ok(())
}

#[test]
fn pseudonyms_stand_for_names_until_they_are_erased() -> Result<()> {
    let database = tracked("pseudonym")?;
    let mut user = database.connect(role::USER)?;
    run_as(
        &mut user,
        &database,
        "alice",
        "INSERT INTO shop.notes VALUES (1, 'a'), (2, 'b')",
    )?;
    run_as(
        &mut user,
        &database,
        "bob",
        "INSERT INTO shop.notes VALUES (3, 'c')",
    )?;
    let mut admin = database.admin()?;
    let by = |admin: &mut Client, id: i32| -> Result<String> {
        Ok(admin
            .query_one("SELECT created_by FROM shop.notes WHERE id = $1", &[&id])?
            .get(0))
    };
    let (alice, bob) = (by(&mut admin, 1)?, by(&mut admin, 3)?);
    assert_eq!(by(&mut admin, 2)?, alice);
    assert_ne!(alice, bob);
    assert!(alice.starts_with("p_") && alice.len() == 28, "{alice}");
    let mut security = database.connect(role::SECURITY)?;
    let known: String = security
        .query_one("SELECT vpd.audit_pseudonym('alice')", &[])?
        .get(0);
    assert_eq!(known, alice);
    let mut auditor = database.connect(role::AUDITOR)?;
    let owner = |auditor: &mut Client, pseudonym: &str| -> Result<Option<String>> {
        Ok(auditor
            .query_one("SELECT vpd.pseudonym_owner($1)", &[&pseudonym])?
            .get(0))
    };
    assert_eq!(owner(&mut auditor, &alice)?.as_deref(), Some("alice"));
    for expected in [true, false] {
        let erased: bool = security
            .query_one("SELECT vpd.erase_pseudonym('alice')", &[])?
            .get(0);
        assert_eq!(erased, expected);
    }
    assert_eq!(owner(&mut auditor, &alice)?, None);
    assert_eq!(owner(&mut auditor, &bob)?.as_deref(), Some("bob"));
    // The next time she is somebody else.
    run_as(
        &mut user,
        &database,
        "alice",
        "INSERT INTO shop.notes VALUES (4, 'd')",
    )?;
    assert_ne!(by(&mut admin, 4)?, alice);
    assert_eq!(by(&mut admin, 1)?, alice);
    Ok(())
}

/// Columns of the extension's tables and of the notes in which a name stands.
fn where_it_stands(database: &Database<'_>, name: &str) -> Result<Vec<String>> {
    let mut admin = database.admin()?;
    let columns = admin.query(
        "SELECT format('%s.%I', a.attrelid::regclass, a.attname), format('SELECT FROM %s WHERE %I::text LIKE $1 LIMIT 1', a.attrelid::regclass, a.attname)
           FROM pg_attribute a
           JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
          WHERE c.relnamespace IN ('vpd_private'::regnamespace, 'shop'::regnamespace) AND a.attnum > 0 AND NOT a.attisdropped
          ORDER BY 1",
        &[],
    )?;
    let mut found = Vec::new();
    for column in &columns {
        let pattern = format!("%{name}%");
        if !admin.query(column.get::<_, &str>(1), &[&pattern])?.is_empty() {
            found.push(column.get(0));
        }
    }
    Ok(found)
}

#[test]
fn an_erased_name_stands_beside_no_object_and_what_it_did_still_counts() -> Result<()> {
    let database = tracked("pseudonym")?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_resource('note'); SELECT vpd.define_privilege('note:submit'), vpd.define_privilege('note:approve');
         SELECT vpd.define_role('DESK', 'enterprise');
         SELECT vpd.grant_authority('privilege:note:submit', 'role:DESK'), vpd.grant_authority('privilege:note:approve', 'role:DESK');
         SELECT vpd.define_sod_rule('one_of_both', '{privilege:note:submit,privilege:note:approve}', scope => 'object')",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut act = |name: &str, statements: &str| -> Result<Option<String>> {
        let token = Subject::new(name).role("DESK").log_in(&database)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let refused = outcome(transaction.batch_execute(statements)).err();
        transaction.commit()?;
        Ok(refused.and_then(|refusal| refusal.token))
    };
    let submitted = "INSERT INTO shop.notes VALUES (1, 'a'); SELECT vpd.record_action('note/1', 'submit')";
    assert_eq!(act("zenobia", submitted)?, None);
    assert_eq!(
        act("yorick", "SELECT vpd.record_action('note/2', 'submit')")?,
        None
    );
    assert_eq!(
        act("zenobia", "SELECT vpd.record_action('note/3', 'submit')")?,
        None
    );
    assert_eq!(
        act("yorick", "SELECT vpd.record_action('note/3', 'approve')")?,
        None,
        "control: somebody else does it"
    );
    let records = "vpd_private.action_record.persons";
    assert!(
        where_it_stands(&database, "zenobia")?.contains(&records.to_owned()),
        "control"
    );

    security.batch_execute("SELECT vpd.erase_pseudonym('zenobia')")?;
    let stands = where_it_stands(&database, "zenobia")?;
    assert!(
        stands
            .iter()
            .all(|column| column.starts_with("vpd_private.session")),
        "{stands:?}"
    );
    // Nobody can tell whether it was he.
    for name in ["zenobia", "yorick"] {
        let refused = act(name, "SELECT vpd.record_action('note/1', 'approve')")?;
        assert_eq!(refused.as_deref(), Some("sod_conflict"), "{name}");
    }
    assert_eq!(
        act("zenobia", "SELECT vpd.record_action('note/2', 'approve')")?,
        None
    );
    // Somebody of whom only the records tell is erased as well.
    assert!(
        where_it_stands(&database, "yorick")?.contains(&records.to_owned()),
        "control"
    );
    let erased: bool = security
        .query_one("SELECT vpd.erase_pseudonym('yorick')", &[])?
        .get(0);
    assert!(erased);
    // Sessions stay until they are purged, some time after they have ended.
    database.admin()?.batch_execute(
        "SELECT vpd.end_all_sessions('gone');
         TRUNCATE vpd_private.session, vpd_private.session_token, vpd_private.session_use, vpd_private.session_authority, vpd_private.queue CASCADE",
    )?;
    // Their end was recorded, with his name.
    security.batch_execute("SELECT vpd.erase_pseudonym('yorick')")?;
    assert_eq!(where_it_stands(&database, "yorick")?, [""; 0]);
    Ok(())
}

#[test]
fn a_pseudonym_that_was_rolled_back_is_not_written() -> Result<()> {
    let database = tracked("pseudonym")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction.batch_execute(
        "SAVEPOINT s; INSERT INTO shop.notes VALUES (1, 'a'); ROLLBACK TO s; INSERT INTO shop.notes VALUES (2, 'b')",
    )?;
    transaction.commit()?;
    assert_eq!(owner_of_second(&database)?.as_deref(), Some("alice"));
    Ok(())
}

#[test]
fn names_are_written_for_who_has_consented_only() -> Result<()> {
    let database = tracked("consent")?;
    let (mut user, mut bridge, mut admin) = (
        database.connect(role::USER)?,
        database.connect(role::BRIDGE)?,
        database.admin()?,
    );
    let mut write = |id: i32| -> Result<bool> {
        let insert = format!("INSERT INTO shop.notes VALUES ({id}, 'a')");
        run_as(&mut user, &database, "alice", &insert)?;
        let row = admin.query_one(
            "SELECT created_by = 'alice' FROM shop.notes WHERE id = $1",
            &[&id],
        )?;
        Ok(row.get(0))
    };
    assert!(!write(1)?);
    bridge.batch_execute("SELECT vpd.record_consent('alice', true)")?;
    assert!(write(2)?);
    bridge.batch_execute(
        "SELECT vpd.record_consent('alice', true, 'newsletter'); SELECT vpd.record_consent('alice', false)",
    )?;
    assert!(!write(3)?);
    let history: Vec<(String, bool, bool)> = database
        .connect(role::AUDITOR)?
        .query(
            "SELECT purpose, is_given, is_current FROM vpd.consents WHERE user_name = 'alice' ORDER BY recorded_at",
            &[],
        )?
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    assert_eq!(
        history,
        [
            ("audit".to_owned(), true, false),
            ("newsletter".to_owned(), true, true),
            ("audit".to_owned(), false, true)
        ]
    );
    assert_refused(
        bridge.execute("SELECT vpd.record_consent('', true)", &[]),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

/// The transaction leaves the backend when it is prepared, and is undone by another command: what was made in it may be none.
#[test]
fn a_pseudonym_of_a_prepared_transaction_is_not_written_by_the_next() -> Result<()> {
    let database = tracked("pseudonym")?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let gid = database.name().to_owned();
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    user.batch_execute("INSERT INTO shop.notes VALUES (1, 'a'); SELECT vpd.detach_session()")?;
    user.batch_execute(&format!("PREPARE TRANSACTION '{gid}'"))?;
    database
        .admin()?
        .batch_execute(&format!("ROLLBACK PREPARED '{gid}'"))?;
    run_as(
        &mut user,
        &database,
        "alice",
        "INSERT INTO shop.notes VALUES (2, 'b')",
    )?;
    assert_eq!(owner_of_second(&database)?.as_deref(), Some("alice"));
    Ok(())
}

/// Whose pseudonym the second note bears.
fn owner_of_second(database: &Database<'_>) -> Result<Option<String>> {
    let owner = "SELECT vpd.pseudonym_owner(created_by) FROM shop.notes WHERE id = 2";
    Ok(database.admin()?.query_one(owner, &[])?.get(0))
}
