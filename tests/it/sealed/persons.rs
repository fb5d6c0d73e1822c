//! Keys per person: whichever way a row comes in it is about the person it names, and whoever is forgotten is forgotten everywhere.

use std::io::Write;
use std::thread;
use std::time::Duration;

use vpd_tests::{Database, Result, Subject, assert_denied_to_all_but, assert_refused, role};

use super::scene::{officer, seen};

const CUSTOMERS: &str = "
SELECT vpd.create_key('person', 'pii:read', per_person => true);
SELECT vpd.create_key('pii', 'pii:read', searchable => true);
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.customers (
    name text, email vpd.sealed_text('person'), born vpd.sealed_date('person'), city vpd.sealed_text('pii'), number integer
);
CREATE TABLE shop.letters (customer text, body vpd.sealed_text('person'), sent integer) PARTITION BY RANGE (sent);
CREATE TABLE shop.early PARTITION OF shop.letters FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.late PARTITION OF shop.letters FOR VALUES FROM (10) TO (20);
CREATE VIEW shop.seen_customers AS SELECT * FROM shop.customers;
RESET ROLE;
SELECT vpd.name_person('shop.customers', 'name');
SELECT vpd.name_person('shop.letters', 'customer');
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user;
";

fn customers() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(CUSTOMERS)?;
    Ok(database)
}

fn reader(database: &Database<'_>) -> Result<String> {
    Subject::new("reader").privilege("pii:read").log_in(database)
}

#[test]
fn whichever_way_a_row_comes_in_it_is_about_the_person_that_it_names() -> Result<()> {
    for (way, table) in [
        ("INSERT INTO shop.customers VALUES ('ann', 'ann@planted', '1980-01-02')", "customers"),
        ("INSERT INTO shop.customers (name, email) SELECT 'ann', 'ann@planted'", "customers"),
        ("INSERT INTO shop.seen_customers (name, email) VALUES ('ann', 'ann@planted')", "customers"),
        ("INSERT INTO shop.customers VALUES ('ann'); UPDATE shop.customers SET email = 'ann@planted'", "customers"),
        ("INSERT INTO shop.customers VALUES ('bob', 'bob@planted'); UPDATE shop.customers SET name = 'ann', email = 'ann@planted'", "customers"),
        (
            "CREATE FUNCTION shop.put() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO shop.customers (name, email) VALUES (NEW.name, NEW.email); RETURN NEW; END';
             CREATE TRIGGER put INSTEAD OF INSERT ON shop.seen_customers FOR EACH ROW EXECUTE FUNCTION shop.put();
             INSERT INTO shop.seen_customers (name, email) VALUES ('ann', 'ann@planted')",
            "customers",
        ),
        (
            "MERGE INTO shop.customers c USING (VALUES ('ann', 'ann@planted')) v (n, e) ON c.name = v.n WHEN NOT MATCHED THEN INSERT (name, email) VALUES (n, e)",
            "customers",
        ),
        (
            "ALTER TABLE shop.customers ADD UNIQUE (number); INSERT INTO shop.customers VALUES ('ann', 'x', NULL, NULL, 1);
             INSERT INTO shop.customers VALUES ('ann', 'y', NULL, NULL, 1) ON CONFLICT (number) DO UPDATE SET email = 'ann@planted'",
            "customers",
        ),
        ("COPY shop.customers (name, email) FROM STDIN", "customers"),
        ("INSERT INTO shop.letters VALUES ('ann', 'ann@planted', 3)", "letters"),
        ("INSERT INTO shop.late VALUES ('ann', 'ann@planted', 13)", "letters"),
        ("INSERT INTO shop.letters VALUES ('ann', 'ann@planted', 3); UPDATE shop.letters SET sent = 13", "letters"),
        (
            "CREATE TABLE shop.more (customer text, body vpd.sealed_text('person'), sent integer); SELECT vpd.name_person('shop.more', 'customer');
             INSERT INTO shop.more VALUES ('ann', 'ann@planted', 23); INSERT INTO shop.letters (customer, body, sent) VALUES ('ann', 'ann@planted', 3)",
            "letters",
        ),
    ] {
        let database = customers()?;
        let mut admin = database.admin()?;
        if way.starts_with("COPY") {
            let mut sink = admin.copy_in(way)?;
            sink.write_all(b"ann\tann@planted\n")?;
            sink.finish()?;
        } else {
            admin.batch_execute(way)?;
        }
        let reader = reader(&database)?;
        let column = if table == "customers" { "email" } else { "body" };
        let read = format!("SELECT {column}, vpd.unseal({column}) FROM shop.{table}");
        let opened = seen(&database, &reader, &read)?;
        assert_eq!(opened.as_deref(), Ok("ann@planted|ann@planted|"), "{way}");
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute("SELECT vpd.forget_person('ann')")?;
        let forgotten = seen(&database, &reader, &read)?;
        assert_eq!(forgotten.as_deref(), Ok("•••|(null)|"), "{way}");
    }
    Ok(())
}

#[test]
fn whoever_is_forgotten_is_forgotten_and_the_others_stay() -> Result<()> {
    let database = customers()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "INSERT INTO shop.customers SELECT n, n || '@planted', '1980-01-02', 'Rome', 1 FROM unnest('{ann,bob}'::text[]) n;
         INSERT INTO shop.letters SELECT n, 'dear ' || n, s FROM unnest('{ann,bob}'::text[]) n, unnest('{1,2,11}'::integer[]) s",
    )?;
    let reader = reader(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    let exported = seen(&database, &reader, "SELECT vpd.export_person('ann')")?;
    assert_eq!(
        exported.map_err(|refusal| refusal.state.code().to_owned()),
        Err("42501".to_owned()),
        "control: not for everybody"
    );
    let mut officer = officer(&database)?;
    let refused = officer.batch_execute("SELECT vpd.export_person('ann')");
    assert_refused(refused, "42501", "unseal_refused");
    let mut session = officer.transaction()?;
    session.execute("SELECT vpd.attach_session($1)", &[&reader])?;
    let export: String = session
        .query_one("SELECT vpd.export_person('ann')::text", &[])?
        .get(0);
    session.rollback()?;
    for told in [
        "ann@planted",
        "1980-01-02",
        "Rome",
        "dear ann",
        "shop.early",
        "shop.late",
    ] {
        assert!(export.contains(told), "{told}: {export}");
    }
    assert!(!export.contains("bob"), "{export}");
    let forgotten: i64 = security.query_one("SELECT vpd.forget_person('ann')", &[])?.get(0);
    assert_eq!(forgotten, 1);
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT name, email, born, city FROM shop.customers ORDER BY name"
        )?
        .as_deref(),
        Ok("ann|•••|•••|Rome|\nbob|bob@planted|1980-01-02|Rome|")
    );
    assert_refused(
        security.batch_execute("SELECT vpd.forget_person('ann')"),
        "42704",
        "person_unknown",
    );
    // He comes back as somebody new; what was is not.
    admin.batch_execute("INSERT INTO shop.customers (name, email) VALUES ('ann', 'again@planted')")?;
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT email FROM shop.customers WHERE name = 'ann' ORDER BY ctid"
        )?
        .as_deref(),
        Ok("•••|\nagain@planted|")
    );
    // Rotation leaves what nobody can read, and the former version can go.
    security.batch_execute("SELECT vpd.rotate_key('person')")?;
    security.batch_execute("CALL vpd.reseal('shop.customers')")?;
    security.batch_execute("CALL vpd.reseal('shop.letters')")?;
    security.batch_execute("SELECT vpd.destroy_key('person', 'person', 1)")?;
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT count(vpd.unseal(body)), count(*) FROM shop.letters"
        )?
        .as_deref(),
        Ok("3|6|")
    );
    let mut auditor = database.connect(role::AUDITOR)?;
    auditor.query_one("SELECT vpd.flush_audit()", &[])?;
    let recorded: i64 = auditor
        .query_one("SELECT count(*) FROM vpd.audit_trail WHERE event = 'changed' AND command = 'vpd.forget_person' AND verdict = 'ok'", &[])?
        .get(0);
    assert_eq!(recorded, 1);
    Ok(())
}

#[test]
fn a_person_who_was_made_in_a_savepoint_is_made_again_after_it() -> Result<()> {
    let database = customers()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "BEGIN; SAVEPOINT s; INSERT INTO shop.customers (name, email) VALUES ('ann', 'first'); ROLLBACK TO s;
         INSERT INTO shop.customers (name, email) VALUES ('ann', 'second'); COMMIT;
         BEGIN; INSERT INTO shop.customers (name, email) VALUES ('bob', 'first'); ROLLBACK;
         INSERT INTO shop.customers (name, email) VALUES ('bob', 'second')",
    )?;
    let reader = reader(&database)?;
    assert_eq!(
        seen(&database, &reader, "SELECT vpd.unseal(email) FROM shop.customers")?.as_deref(),
        Ok("second|\nsecond|")
    );
    Ok(())
}

#[test]
fn forgetting_waits_for_whoever_writes_about_the_person() -> Result<()> {
    let database = customers()?;
    database
        .admin()?
        .batch_execute("INSERT INTO shop.customers (name, email) VALUES ('ann', 'old')")?;
    let mut writer = database.connect(role::USER)?;
    let mut writing = writer.transaction()?;
    writing.batch_execute("INSERT INTO shop.customers (name, email) VALUES ('ann', 'new')")?;
    let mut security = database.connect(role::SECURITY)?;
    let forgetting = thread::spawn(move || security.batch_execute("SELECT vpd.forget_person('ann')"));
    thread::sleep(Duration::from_millis(300));
    assert!(!forgetting.is_finished(), "it did not wait");
    writing.commit()?;
    forgetting.join().map_err(|_| "the thread fell")??;
    let reader = reader(&database)?;
    assert_eq!(
        seen(
            &database,
            &reader,
            "SELECT count(*), count(vpd.unseal(email)) FROM shop.customers"
        )?
        .as_deref(),
        Ok("2|0|")
    );
    Ok(())
}

#[test]
fn a_table_that_names_nobody_takes_nothing_about_persons() -> Result<()> {
    let database = customers()?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE TABLE shop.loose (name text, email vpd.sealed_text('person'))")?;
    let insert = "INSERT INTO shop.loose VALUES ('ann', 'x')";
    assert_refused(admin.batch_execute(insert), "55000", "person_not_named");
    let copied = database
        .admin()?
        .copy_in("COPY shop.loose FROM STDIN")
        .and_then(|sink| sink.finish());
    assert_refused(copied, "55000", "person_not_named");
    admin.batch_execute(
        "SELECT vpd.name_person('shop.loose', 'name'); INSERT INTO shop.loose VALUES ('ann', 'x')",
    )?;
    admin.batch_execute("ALTER TABLE shop.loose DISABLE TRIGGER USER")?;
    assert_refused(admin.batch_execute(insert), "55000", "person_not_named");
    admin.batch_execute("ALTER TABLE shop.loose ENABLE TRIGGER USER")?;
    assert_refused(
        admin.batch_execute("INSERT INTO shop.loose VALUES (NULL, 'x')"),
        "23502",
        "person_missing",
    );
    // What is NULL is about nobody, and needs no name; a renamed column names as before.
    admin.batch_execute(
        "INSERT INTO shop.loose VALUES (NULL, NULL); ALTER TABLE shop.loose RENAME name TO customer; INSERT INTO shop.loose VALUES ('bob', 'y')",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SELECT vpd.forget_person('bob')")?;
    for (call, state, token) in [
        (
            "SELECT vpd.create_key('k', 'p:q', searchable => true, per_person => true)",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.create_key('k', 'p:q', per_person => NULL)",
            "22023",
            "argument_invalid",
        ),
        (
            "SELECT vpd.name_person('shop.customers', 'nothing')",
            "42704",
            "column_not_found",
        ),
        (
            "SELECT vpd.name_person('shop.customers', 'city')",
            "42804",
            "column_type",
        ),
        (
            "SELECT vpd.name_person(NULL, 'name')",
            "22023",
            "argument_invalid",
        ),
        ("SELECT vpd.forget_person('')", "42704", "person_unknown"),
        ("SELECT vpd.forget_person(NULL)", "22023", "argument_invalid"),
    ] {
        assert_refused(security.batch_execute(call), state, token);
    }
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.name_person('shop.customers', 'name')",
            "SELECT vpd.forget_person('nobody')",
            "SELECT vpd.export_person('nobody')",
        ],
    )?;
    Ok(())
}

#[test]
fn what_is_lost_stands_in_the_way_of_nothing() -> Result<()> {
    let database = customers()?;
    let reader = reader(&database)?;
    let mut officer = officer(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "INSERT INTO shop.customers VALUES ('ann', 'ann@planted', '1980-01-02', 'Ulm', 1), ('bob', 'bob@planted', NULL, 'Bonn', 2)",
    )?;
    officer.batch_execute("SELECT vpd.forget_person('ann'); SELECT vpd.rotate_key('person')")?;
    officer.batch_execute("CALL vpd.reseal('shop.customers')")?;
    officer.batch_execute(
        "SELECT vpd.destroy_key('person', 'person', version => 1); SELECT vpd.rotate_key('pii')",
    )?;
    // The other column of the row is sealed anew, and the row can be written, whoever does it.
    officer.batch_execute("CALL vpd.reseal('shop.customers')")?;
    officer.batch_execute("SELECT vpd.destroy_key('pii', 'pii', version => 1)")?;
    user.batch_execute("UPDATE shop.customers SET email = email, number = 3 WHERE name = 'ann'")?;
    let read = "SELECT vpd.unseal(email), vpd.unseal(city) FROM shop.customers ORDER BY name";
    assert_eq!(
        seen(&database, &reader, read)?.as_deref(),
        Ok("(null)|Ulm|\nbob@planted|Bonn|")
    );
    assert_eq!(
        seen(
            &database,
            &reader,
            "UPDATE shop.customers SET email = email, number = 4 WHERE name = 'ann' RETURNING number"
        )?
        .as_deref(),
        Ok("4|")
    );
    // A form that writes back what it showed brings nobody back: what it showed was the mask.
    for statement in [
        "UPDATE shop.customers SET email = '•••', number = 5 WHERE name = 'ann'",
        "UPDATE shop.customers SET email = email::text WHERE name = 'ann'",
    ] {
        let refused = seen(&database, &reader, statement)?.map_err(|refusal| refusal.token);
        assert_eq!(refused, Err(Some("column_masked".into())), "{statement}");
    }
    assert_refused(
        officer.batch_execute("SELECT vpd.forget_person('ann')"),
        "42704",
        "person_unknown",
    );
    // Nobody is called nothing.
    assert_refused(
        user.batch_execute("INSERT INTO shop.customers VALUES ('', 'x@planted')"),
        "23502",
        "person_missing",
    );
    Ok(())
}

#[test]
fn a_query_makes_no_table_with_values_about_persons() -> Result<()> {
    let database = customers()?;
    let reader = reader(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute("INSERT INTO shop.customers VALUES ('ann', 'ann@planted', '1980-01-02', 'Ulm', 1); PREPARE read AS SELECT * FROM shop.customers")?;
    for copy in [
        "CREATE TABLE shop.copy AS SELECT * FROM shop.customers",
        "CREATE TABLE shop.copy AS TABLE shop.customers WITH NO DATA",
        "CREATE TABLE shop.copy AS EXECUTE read",
        "SELECT * INTO shop.copy FROM shop.customers",
        "CREATE TEMP TABLE copy AS SELECT email FROM shop.seen_customers",
        "EXPLAIN ANALYZE CREATE TABLE shop.copy AS SELECT born FROM shop.customers",
        "CREATE FUNCTION shop.copies() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TABLE shop.copy AS SELECT email FROM shop.customers; END'; SELECT shop.copies()",
    ] {
        assert_refused(owner.batch_execute(copy), "55000", "person_not_named");
    }
    // What is not about persons, and a table that names them, may be copied.
    owner.batch_execute("CREATE TABLE shop.cities AS SELECT city, number FROM shop.customers; CREATE TABLE shop.copy (LIKE shop.customers)")?;
    let mut officer = officer(&database)?;
    let export = |officer: &mut postgres::Client| -> Result<String> {
        let mut session = officer.transaction()?;
        vpd_tests::attach(&mut session, &reader)?;
        Ok(session
            .query_one("SELECT vpd.export_person('ann')::text", &[])?
            .get(0))
    };
    // An export tells of a table that could hold something and names nobody.
    assert!(export(&mut officer)?.contains(r#"{"table": "shop.copy", "column": "email"}"#));
    officer.batch_execute("SELECT vpd.name_person('shop.copy', 'name')")?;
    owner.batch_execute("INSERT INTO shop.copy SELECT * FROM shop.customers")?;
    let whole = export(&mut officer)?;
    assert!(
        whole.contains(r#""unread": []"#) && whole.matches("ann@planted").count() == 2,
        "{whole}"
    );
    Ok(())
}
