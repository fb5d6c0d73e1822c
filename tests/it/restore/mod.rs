//! A database with one of everything, dumped in every form and restored: it is the same afterwards, and closed on the way.

mod memory;
mod scene;

use std::path::{Path, PathBuf};
use std::process::Command;

use scene::{CLOSED, Seen, everything, facts, rows, seen};
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, add_policy, assert_refused, attach,
    create_orders, expected_ids, fresh_ids, ids, outcome, protected_orders, role,
};

/// Runs a program; its complaints are the error.
fn run(mut command: Command) -> Result<String> {
    let output = command.stdin(std::process::Stdio::null()).output()?;
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() || complaints.contains("ERROR") {
        return Err(format!("{command:?}: {complaints}").into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A name for a file of one test.
fn file(database: &Database<'_>, name: &str) -> PathBuf {
    database
        .cluster()
        .socket_folder()
        .join(format!("{}.{name}", database.name()))
}

fn program(cluster: &Cluster, name: &str, options: &[&str]) -> Command {
    let mut command = cluster.client_program(name, "postgres");
    command.args(options);
    command
}

/// Dumps a database with options, into a file.
fn dump(source: &Database<'_>, name: &str, options: &[&str]) -> Result<PathBuf> {
    let path = file(source, name);
    let mut command = program(source.cluster(), "pg_dump", options);
    command.arg("--file").arg(&path).arg(source.name());
    run(command)?;
    Ok(path)
}

/// Restores an archive, and stops at the first error, as the documents say.
fn restore(archive: &Path, target: &Database<'_>, options: &[&str]) -> Result<()> {
    let mut command = program(target.cluster(), "pg_restore", options);
    command
        .args(["--exit-on-error", "--dbname", target.name()])
        .arg(archive);
    run(command).map(|_| ())
}

fn play(script: &Path, target: &Database<'_>) -> Result<()> {
    let mut command = program(
        target.cluster(),
        "psql",
        &["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"],
    );
    command.arg("--file").arg(script).arg(target.name());
    run(command).map(|_| ())
}

/// Dumps the source and restores it into the target, in one of the ways there are.
fn carry(form: &str, source: &Database<'_>, target: &Database<'_>) -> Result<()> {
    match form {
        "custom" => restore(&dump(source, "dump", &["-Fc"])?, target, &[]),
        "tar" => restore(&dump(source, "tar", &["-Ft"])?, target, &[]),
        "directory" => restore(
            &dump(source, "folder", &["-Fd", "-j", "2"])?,
            target,
            &["-j", "2"],
        ),
        "one transaction" => restore(
            &dump(source, "once", &["-Fc"])?,
            target,
            &["--single-transaction"],
        ),
        "plain" => play(&dump(source, "sql", &[])?, target),
        "inserts" => play(&dump(source, "inserts", &["--column-inserts"])?, target),
        "inserts in any order" => play(&dump(source, "values", &["--inserts"])?, target),
        "inserts of many rows" => play(&dump(source, "many", &["--rows-per-insert=2"])?, target),
        "sections of an archive" => {
            let archive = dump(source, "parts", &["-Fc"])?;
            ["pre-data", "data", "post-data"]
                .iter()
                .try_for_each(|part| restore(&archive, target, &[&format!("--section={part}")]))
        }
        "sections" => ["pre-data", "data", "post-data"].iter().try_for_each(|part| {
            let script = dump(source, part, &[&format!("--section={part}")])?;
            play(&script, target)
        }),
        "schema and data" => {
            restore(&dump(source, "schema", &["-Fc", "--schema-only"])?, target, &[])?;
            restore(&dump(source, "data", &["-Fc", "--data-only"])?, target, &[])
        }
        "schema and inserts" => {
            play(&dump(source, "schema.sql", &["--schema-only"])?, target)?;
            play(&dump(source, "data.sql", &["--data-only", "--inserts"])?, target)
        }
        "schema and data without triggers" => {
            restore(&dump(source, "schema", &["-Fc", "--schema-only"])?, target, &[])?;
            let data = dump(source, "data", &["-Fc", "--data-only"])?;
            restore(&data, target, &["--disable-triggers"])
        }
        _ => Err(format!("no such form: {form}").into()),
    }
}

/// The database is the same after each way of carrying it.
fn assert_carried(forms: &[&str]) -> Result<()> {
    let source = everything()?;
    let (kept, shown) = (facts(&source)?, seen(&source)?);
    control(&shown);
    for form in forms {
        let target = Database::create_bare()?;
        carry(form, &source, &target).map_err(|error| format!("{form}: {error}"))?;
        assert_same(form, &facts(&target)?, &kept);
        let seen = seen(&target)?;
        for (place, expected) in &shown {
            assert_eq!(seen.get(place), Some(expected), "{form}: {place:?}");
        }
    }
    Ok(())
}

#[test]
fn every_form_of_archive_gives_the_same_database() -> Result<()> {
    assert_carried(&["custom", "tar", "directory", "one transaction"])
}

#[test]
fn a_script_gives_the_same_database() -> Result<()> {
    assert_carried(&["plain", "inserts"])
}

/// The server checks a foreign key after each INSERT, and the rows stand in the order in which they were written last.
#[test]
fn a_script_of_inserts_gives_the_same_database() -> Result<()> {
    assert_carried(&["inserts in any order", "inserts of many rows"])
}

/// What one row needs of another may stand behind it, whatever table of the library it is.
#[test]
fn no_row_needs_another_of_its_table_or_of_a_circle() -> Result<()> {
    let database = Database::create()?;
    let circles = "WITH RECURSIVE needs (origin, reached) AS (
            SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f' AND connamespace = 'vpd_private'::regnamespace
            UNION
            SELECT n.origin, c.confrelid FROM needs n JOIN pg_constraint c ON c.contype = 'f' AND c.conrelid = n.reached
        )
        SELECT origin::regclass::text FROM needs WHERE origin = reached";
    let found = |client: &mut postgres::Client| -> Result<Vec<String>> {
        Ok(client.query(circles, &[])?.iter().map(|row| row.get(0)).collect())
    };
    let mut admin = database.admin()?;
    assert!(found(&mut admin)?.is_empty());
    // The control.
    admin
        .batch_execute("ALTER TABLE vpd_private.unit ADD FOREIGN KEY (parent) REFERENCES vpd_private.unit")?;
    assert_eq!(found(&mut admin)?, ["vpd_private.unit"]);
    Ok(())
}

#[test]
fn a_dump_in_parts_gives_the_same_database() -> Result<()> {
    assert_carried(&["sections of an archive", "sections", "schema and data"])
}

#[test]
fn a_dump_of_rows_alone_gives_the_same_database() -> Result<()> {
    assert_carried(&["schema and inserts", "schema and data without triggers"])
}

/// The scene shows different things to different people, and authors among them.
fn control(shown: &Seen) {
    let of = |who: &str, table: &str| {
        shown
            .get(&(who.to_owned(), table.to_owned()))
            .and_then(|rows| rows.as_ref().ok())
            .map_or(0, Vec::len)
    };
    assert_eq!(
        (of("alice", "orders"), of("bob", "orders"), of("ledger", "orders")),
        (10, 10, 10)
    );
    assert_eq!(
        (of("alice", "people"), of("ann", "counts"), of("ledger", "counts")),
        (40, 20, 40)
    );
    assert_eq!(
        (of("alice", "native") > 0, of(role::STRANGER, "orders")),
        (true, 40)
    );
    for table in CLOSED {
        for role in [role::USER, role::OWNER] {
            assert_eq!(of(role, table), 0, "{role}: {table}");
        }
    }
    let notes = shown.get(&("alice".to_owned(), "notes".to_owned()));
    assert!(
        format!("{notes:?}").contains("alice"),
        "rows have authors: {notes:?}"
    );
}

fn assert_same(form: &str, found: &[String], kept: &[String]) {
    let missing: Vec<_> = kept.iter().filter(|line| !found.contains(line)).collect();
    let other: Vec<_> = found.iter().filter(|line| !kept.contains(line)).collect();
    assert!(
        missing.is_empty() && other.is_empty(),
        "{form}: missing {missing:#?}, instead {other:#?}"
    );
}

/// Plain roles on connections that stay open while a copy is made.
struct Watch<'a> {
    clients: Vec<(&'static str, postgres::Client)>,
    shown: &'a Seen,
    session: Option<String>,
}

impl Watch<'_> {
    /// Nobody sees more than in the source; without a session nothing.
    fn look(&mut self, after: &str) -> Result<()> {
        for (role, client) in &mut self.clients {
            for table in CLOSED {
                let found = rows(client, table).unwrap_or_default();
                assert!(
                    found.is_empty(),
                    "after {after} {role} sees {} rows of {table}",
                    found.len()
                );
                let Some(token) = self.session.as_ref().filter(|_| *role == role::USER) else {
                    continue;
                };
                let mut transaction = client.transaction()?;
                attach(&mut transaction, token)?;
                let found = rows(&mut transaction, table).unwrap_or_default();
                let source = self.shown.get(&("alice".to_owned(), table.to_owned()));
                let all = source
                    .and_then(|rows| rows.as_ref().ok())
                    .cloned()
                    .unwrap_or_default();
                let more: Vec<_> = found.iter().filter(|row| !all.contains(row)).collect();
                assert!(more.is_empty(), "after {after} alice sees of {table} {more:?}");
            }
        }
        Ok(())
    }
}

/// The entries of an archive whose lines satisfy a condition, in their order.
fn entries(archive: &Path, source: &Database<'_>, options: &[&str]) -> Result<Vec<String>> {
    let mut command = program(source.cluster(), "pg_restore", options);
    command.arg("--list").arg(archive);
    let list = run(command)?;
    Ok(list
        .lines()
        .filter(|line| !line.starts_with(';') && !line.is_empty())
        .map(str::to_owned)
        .collect())
}

#[test]
fn a_copy_is_closed_from_its_first_row_on() -> Result<()> {
    let source = everything()?;
    let shown = seen(&source)?;
    let archive = dump(&source, "steps", &["-Fc"])?;
    let target = Database::create_bare()?;
    restore(&archive, &target, &["--section=pre-data"])?;
    let clients = [role::USER, role::OWNER]
        .into_iter()
        .map(|role| Ok((role, target.connect(role)?)))
        .collect::<Result<_>>()?;
    let mut watch = Watch {
        clients,
        shown: &shown,
        session: None,
    };
    watch.look("the definitions")?;
    let list = file(&source, "list");
    let mut data = 0;
    for part in ["data", "post-data"] {
        for entry in entries(&archive, &source, &[&format!("--section={part}")])? {
            std::fs::write(&list, &entry)?;
            let only = format!("--use-list={}", list.display());
            // An action's trigger, a session: what the step needs is there.
            restore(&archive, &target, &[&only])?;
            data += i32::from(entry.contains(" TABLE DATA shop "));
            watch.look(&entry)?;
        }
        if part == "data" {
            assert_eq!(data, 12, "control: every table has its rows");
            assert_eq!(ids(&mut target.admin()?, "SELECT id FROM shop.orders")?.len(), 40);
            watch.session = Some(Subject::in_region("alice", "East").log_in(&target)?);
            watch.look("the data")?;
        }
    }
    assert_same("step by step", &facts(&target)?, &facts(&source)?);
    assert_eq!(seen(&target)?, shown);
    Ok(())
}

#[test]
fn a_restore_that_stops_leaves_nothing_open() -> Result<()> {
    let source = everything()?;
    let archive = dump(&source, "cut", &["-Fc"])?;
    for sections in [&["pre-data"][..], &["pre-data", "data"][..]] {
        let target = Database::create_bare()?;
        for section in sections {
            restore(&archive, &target, &[&format!("--section={section}")])?;
        }
        let stored = ids(&mut target.admin()?, "SELECT id FROM shop.orders")?.len();
        assert_eq!(stored, if sections.len() == 1 { 0 } else { 40 }, "control");
        for role in [role::USER, role::OWNER] {
            let mut client = target.connect(role)?;
            for table in CLOSED {
                assert!(
                    rows(&mut client, table).unwrap_or_default().is_empty(),
                    "{sections:?} {role} {table}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_table_or_schema_restored_alone_is_closed_and_can_be_put_under_policy() -> Result<()> {
    let source = protected_orders()?;
    for (options, selection) in [
        (&["-Fc", "-t", "shop.orders"][..], &[][..]),
        (&["-Fc", "-n", "shop"][..], &[][..]),
        (&["-Fc"][..], &["-t", "orders"][..]),
        (&["-Fc"][..], &["-n", "shop"][..]),
    ] {
        let target = Database::create()?;
        let mut admin = target.admin()?;
        if !options.contains(&"-n") {
            admin.batch_execute("CREATE SCHEMA shop")?;
        }
        restore(&dump(&source, "alone", options)?, &target, selection)?;
        admin
            .batch_execute("GRANT SELECT ON shop.orders TO app_user; GRANT USAGE ON SCHEMA shop TO PUBLIC")?;
        assert_eq!(
            ids(&mut admin, "SELECT id FROM shop.orders")?.len(),
            40,
            "control: {options:?}"
        );
        let east = Subject::in_region("alice", "East").log_in(&target)?;
        let query = "SELECT id FROM shop.orders";
        for token in [None, Some(east.as_str())] {
            assert!(
                fresh_ids(&target, token, query)?.is_empty(),
                "{options:?} {selection:?}"
            );
        }
        let mut owner = target.connect(role::OWNER)?;
        assert!(ids(&mut owner, query)?.is_empty());
        let mut security = target.connect(role::SECURITY)?;
        add_policy(&mut security, "shop.orders", "by_region", vpd_tests::BY_REGION)?;
        assert_eq!(fresh_ids(&target, Some(&east), query)?, expected_ids("East"));
        assert!(fresh_ids(&target, None, query)?.is_empty());
    }
    Ok(())
}

#[test]
fn a_schema_restored_alone_gets_its_definitions_from_the_store() -> Result<()> {
    let source = everything()?;
    let shown = seen(&source)?;
    let target = Database::create()?;
    restore(&dump(&source, "schema", &["-Fc", "-n", "shop"])?, &target, &[])?;
    let mut user = target.connect(role::USER)?;
    for table in CLOSED {
        assert_eq!(rows(&mut user, table), Ok(Vec::new()), "{table}");
    }
    let mut admin = source.admin()?;
    let document: serde_json::Value = admin
        .query_one("SELECT vpd.export_definitions(true, true)", &[])?
        .get(0);
    let mut security = target.connect(role::SECURITY)?;
    security.execute("SELECT vpd.import_definitions($1)", &[&document])?;
    security.batch_execute("SELECT vpd.grant_exempt('app_stranger', 'an inquiry', 'shop.orders')")?;
    assert_eq!(seen(&target)?, shown);
    Ok(())
}

/// A tracked table, and an action nobody may take without a session.
const TRACKED: &str = "
SELECT vpd.define_resource('order'), vpd.define_privilege('order:approve');
SELECT vpd.track_changes('shop.orders');
SELECT vpd.protect_action('shop.orders', NULL, 'order:approve', 'region', 'West')";

#[test]
fn only_who_is_above_policies_and_loads_a_dump_writes_authors() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.connect(role::SECURITY)?.batch_execute(TRACKED)?;
    let insert = |id: i32, region: &str| {
        format!(
            "INSERT INTO shop.orders (id, region, amount, created_by, updated_by) VALUES ({id}, '{region}', 1, 'mallory', NULL)"
        )
    };
    let author = |id: i32| -> Result<Option<String>> {
        let query = "SELECT created_by FROM shop.orders WHERE id = $1";
        Ok(database.admin()?.query_one(query, &[&id])?.get(0))
    };
    let mut admin = database.admin()?;
    // control: the script of a dump says this, and its rows are taken as they are
    admin.batch_execute(&format!(
        "SET row_security = off; {}; {}",
        insert(101, "East"),
        insert(102, "West")
    ))?;
    assert_eq!(author(101)?.as_deref(), Some("mallory"));
    admin.batch_execute(&format!("RESET row_security; {}", insert(103, "East")))?;
    assert_eq!(author(103)?.as_deref(), Some("postgres"));
    // a plain role may say what it likes, and so may a superuser who became one
    let mut user = database.connect(role::USER)?;
    user.batch_execute(&format!("SET row_security = off; {}", insert(104, "East")))?;
    assert_eq!(author(104)?.as_deref(), Some(role::USER));
    admin.batch_execute(&format!(
        "SET row_security = off; SET ROLE app_owner; {}; RESET ROLE",
        insert(105, "East")
    ))?;
    assert_eq!(author(105)?.as_deref(), Some("postgres"));
    assert_refused(
        user.batch_execute(&insert(106, "West")),
        "42501",
        "privilege_missing",
    );
    // and so may a plain role inside a function of the superuser, and a session
    admin.batch_execute(&format!(
        "RESET row_security;
         CREATE FUNCTION shop.insert() RETURNS void LANGUAGE sql SECURITY DEFINER SET row_security = off AS $$ {} $$;
         GRANT EXECUTE ON FUNCTION shop.insert TO app_user",
        insert(107, "East")
    ))?;
    user.batch_execute("SELECT shop.insert()")?;
    assert_eq!(author(107)?.as_deref(), Some(role::USER));
    let alice = Subject::new("alice").log_in(&database)?;
    admin.batch_execute("BEGIN; SET LOCAL row_security = off")?;
    attach(&mut admin, &alice)?;
    admin.batch_execute(&format!("{}; COMMIT", insert(108, "East")))?;
    assert_eq!(author(108)?.as_deref(), Some("alice"));
    // changes are no loads
    admin.batch_execute("SET row_security = off; UPDATE shop.orders SET created_by = 'eve', updated_by = 'eve' WHERE id = 101")?;
    assert_eq!(author(101)?.as_deref(), Some("mallory"));
    Ok(())
}

#[test]
fn what_stands_for_the_guard_is_not_taken_from_anybody() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("CREATE TABLE shop.mine (id integer)")?;
    for forged in [
        "CREATE POLICY vpd_guard ON shop.mine USING (true)",
        "CREATE POLICY p ON shop.mine USING (true); ALTER POLICY p ON shop.mine RENAME TO vpd_guard",
    ] {
        assert_refused(owner.batch_execute(forged), "42501", "privilege_missing");
    }
    // One that was there before the extension is replaced.
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database
        .connect(role::OWNER)?
        .batch_execute("CREATE POLICY vpd_guard ON shop.orders USING (true)")?;
    database.install_extension()?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", vpd_tests::BY_REGION)?;
    let shape = "SELECT 1 FROM pg_policy WHERE polname = 'vpd_guard' AND NOT polpermissive";
    assert_eq!(ids(&mut database.admin()?, shape)?.len(), 1);
    // Without it nothing is shown.
    let east = Subject::in_region("alice", "East").log_in(&database)?;
    let query = "SELECT id FROM shop.orders";
    assert_eq!(fresh_ids(&database, Some(&east), query)?, expected_ids("East"));
    database
        .admin()?
        .batch_execute("DROP POLICY vpd_guard ON shop.orders")?;
    assert!(fresh_ids(&database, Some(&east), query)?.is_empty());
    // Whatever is defined next puts it back.
    add_policy(&mut security, "shop.orders", "more", "true")?;
    assert_eq!(fresh_ids(&database, Some(&east), query)?, expected_ids("East"));
    Ok(())
}

#[test]
fn a_copy_is_closed_where_the_library_is_not_preloaded() -> Result<()> {
    let source = protected_orders()?;
    let archive = dump(&source, "unloaded", &["-Fc"])?;
    let cluster = Cluster::start(&Extension::debug()?, Library::NotPreloaded, "")?;
    let target = Database::create_bare_in(&cluster)?;
    for (section, rows) in [("pre-data", 0), ("data", 40), ("post-data", 40)] {
        restore(&archive, &target, &[&format!("--section={section}")])?;
        assert_eq!(
            ids(&mut target.admin()?, "SELECT id FROM shop.orders")?.len(),
            rows,
            "control"
        );
        for role in [role::USER, role::OWNER] {
            let seen = outcome(ids(&mut target.connect(role)?, "SELECT id FROM shop.orders"));
            assert!(seen.unwrap_or_default().is_empty(), "after {section}: {role}");
        }
    }
    Ok(())
}

#[test]
fn numbers_of_columns_follow_their_names_before_one_is_renamed() -> Result<()> {
    let source = everything()?;
    let target = Database::create_bare()?;
    carry("schema and data", &source, &target)?;
    let mut admin = target.admin()?;
    let stale = "SELECT FROM vpd_private.tracked_column c JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name
                  WHERE a.attnum <> c.column_number AND c.relation = 'shop.notes'::regclass";
    assert!(
        !admin.query(stale, &[])?.is_empty(),
        "control: the dump has other numbers"
    );
    admin.batch_execute(
        "ALTER TABLE shop.notes RENAME created_by TO author; ALTER TABLE shop.notes RENAME updated_by TO changer",
    )?;
    let mut user = target.connect(role::USER)?;
    let alice = Subject::in_region("alice", "East").log_in(&target)?;
    let mut session = user.transaction()?;
    attach(&mut session, &alice)?;
    session.batch_execute("INSERT INTO shop.notes (id, region, body) VALUES (100, 'East', 'body')")?;
    session.commit()?;
    let row = admin.query_one("SELECT author, changer, body FROM shop.notes WHERE id = 100", &[])?;
    let row: [Option<String>; 3] = std::array::from_fn(|column| row.get(column));
    assert_eq!(row.map(Option::unwrap_or_default), ["alice", "alice", "body"]);
    let columns: Vec<String> = admin
        .query("SELECT column_name FROM vpd_private.tracked_column WHERE relation = 'shop.notes'::regclass ORDER BY 1", &[])?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(
        columns,
        [
            "author",
            "changer",
            "created_at",
            "created_login",
            "updated_at",
            "updated_login"
        ]
    );
    Ok(())
}
