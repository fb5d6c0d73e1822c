//! Handlers of audit policies: whose rights they run with, and that no statement fails by them.

use super::*;

/// A database with orders, an audit policy with a handler of `owner`, and where it notes what it is told.
fn with_handler(body: &str, mode: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    create_protected_orders(&database)?;
    database.admin()?.batch_execute(&format!(
        "CREATE TABLE shop.noted (what text); ALTER TABLE shop.noted OWNER TO app_owner;
         CREATE FUNCTION shop.note(object_schema text, object_name text, policy_name text) RETURNS void LANGUAGE plpgsql AS $handler$
         BEGIN {body} END $handler$;
         ALTER FUNCTION shop.note(text, text, text) OWNER TO app_owner; {mode}",
    ))?;
    database.admin()?.batch_execute(
        "SELECT vpd.add_audit_policy('shop.orders', 'reads', commands => '{select,update}', handler => 'shop.note')",
    )?;
    Ok(database)
}

const NOTE: &str = "INSERT INTO shop.noted VALUES (concat_ws(' ', object_schema, object_name, policy_name, current_user, vpd.user_name()));";

fn noted(database: &Database<'_>) -> Result<Vec<String>> {
    let rows = database.admin()?.query("SELECT what FROM shop.noted", &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn it_is_called_once_for_a_statement_as_its_owner() -> Result<()> {
    let database = with_handler(NOTE, "")?;
    let token = Subject::in_region("alice", "North").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    transaction
        .batch_execute("UPDATE shop.orders o SET amount = p.amount FROM shop.orders p WHERE p.id = o.id")?;
    transaction.commit()?;
    assert_eq!(noted(&database)?, ["shop orders reads app_owner alice"]);
    // a superuser's statement runs nothing with his rights
    database.admin()?.batch_execute("SELECT FROM shop.orders")?;
    assert_eq!(
        noted(&database)?.last().map(String::as_str),
        Some("shop orders reads app_owner")
    );
    Ok(())
}

#[test]
fn a_condition_calls_it_for_its_rows_only() -> Result<()> {
    let database = with_handler(NOTE, "")?;
    database.admin()?.batch_execute(
        "SELECT vpd.drop_audit_policy('shop.orders', 'reads');
         SELECT vpd.add_audit_policy('shop.orders', 'some', condition => 'id = 4', handler => 'shop.note')",
    )?;
    database
        .admin()?
        .batch_execute("SELECT FROM shop.orders WHERE id = 8")?;
    assert!(noted(&database)?.is_empty());
    database.admin()?.batch_execute("SELECT FROM shop.orders")?;
    assert_eq!(noted(&database)?, ["shop orders some app_owner"]);
    Ok(())
}

/// What handlers do, and the SQLSTATE that is recorded; the statement goes on.
const FAILING: [(&str, &str); 9] = [
    ("RAISE EXCEPTION 'no';", "P0001"),
    ("RAISE EXCEPTION 'no' USING ERRCODE = '42501';", "42501"),
    ("PERFORM 1 / 0;", "22012"),
    ("INSERT INTO shop.missing VALUES (1);", "42P01"),
    // What would outlive it, or give it other rights.
    ("SET LOCAL ROLE postgres;", "42501"),
    ("RESET SESSION AUTHORIZATION;", "42501"),
    ("CREATE TEMPORARY TABLE x (a int);", "0A000"),
    ("COMMIT;", "2D000"),
    // It calls itself: once.
    (
        "PERFORM count(*) FROM shop.orders; RAISE EXCEPTION 'no';",
        "P0001",
    ),
];

#[test]
fn when_it_fails_the_statement_goes_on_and_that_is_recorded() -> Result<()> {
    for (body, state) in FAILING {
        let database = with_handler(body, "GRANT SELECT ON shop.orders TO app_owner")?;
        let token = Subject::in_region("alice", "North").log_in(&database)?;
        let behind = last(&database)?;
        let mut user = database.connect(role::USER)?;
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let count = transaction.query("SELECT * FROM shop.orders", &[])?.len();
        transaction.commit()?;
        assert_eq!(count, 10, "{body}");
        let told = told(&database, behind)?;
        let failures: Vec<&str> = told
            .iter()
            .filter(|one| one.0 == "handler.failed")
            .map(|one| one.1.as_str())
            .collect();
        assert_eq!(failures, [state], "{body} {told:?}");
        assert!(
            told.iter()
                .any(|one| one.0 == "data" && one.1 == "ok" && one.5 == Some(10)),
            "{told:?}"
        );
    }
    Ok(())
}

#[test]
fn settings_of_the_reader_do_not_reach_it() -> Result<()> {
    let database = with_handler("PERFORM trap();", "")?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("CREATE FUNCTION pg_temp.trap() RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'")?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE SCHEMA planted AUTHORIZATION app_user")?;
    user.batch_execute(
        "CREATE FUNCTION planted.trap() RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'; SET search_path = planted, pg_temp",
    )?;
    let behind = last(&database)?;
    user.batch_execute("SELECT FROM shop.orders")?;
    let told = told(&database, behind)?;
    let failure = told
        .iter()
        .find(|one| one.0 == "handler.failed")
        .map(|one| one.1.as_str());
    assert_eq!(failure, Some("42883"), "no such function on its path: {told:?}");
    Ok(())
}

#[test]
fn nobody_names_a_handler_of_a_role_whose_rights_he_does_not_have() -> Result<()> {
    let database = with_handler(NOTE, "")?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE FUNCTION public.of_superuser(text, text, text) RETURNS void LANGUAGE sql AS 'SELECT';
         CREATE FUNCTION public.other(text) RETURNS void LANGUAGE sql AS 'SELECT';
         CREATE FUNCTION public.telling(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let mut add = |handler: &str| {
        security.execute(
            "SELECT vpd.add_audit_policy('shop.orders', 'x', handler => $1::text::regproc)",
            &[&handler],
        )
    };
    assert_refused(add("public.of_superuser"), "42501", "privilege_missing");
    for handler in ["public.other", "public.telling"] {
        assert_refused(add(handler), "22023", "argument_invalid");
    }
    // control: whoever has the rights may
    admin
        .batch_execute("SELECT vpd.add_audit_policy('shop.orders', 'x', handler => 'public.of_superuser')")?;
    // one that is gone is told, and one of its name runs with the rights of whoever made it
    admin.batch_execute(
        "SELECT vpd.drop_audit_policy('shop.orders', 'x'); DROP FUNCTION shop.note(text, text, text)",
    )?;
    let behind = last(&database)?;
    admin.batch_execute("SELECT FROM shop.orders")?;
    let told = told(&database, behind)?;
    assert!(
        told.iter()
            .any(|one| one.0 == "handler.failed" && one.1 == "42883"),
        "{told:?}"
    );
    Ok(())
}

#[test]
fn what_it_did_goes_with_the_transaction_and_the_record_stays() -> Result<()> {
    let database = with_handler(NOTE, "")?;
    let mut admin = database.admin()?;
    let behind = last(&database)?;
    admin.batch_execute("BEGIN; SELECT FROM shop.orders; ROLLBACK")?;
    assert!(noted(&database)?.is_empty());
    assert!(events(&told(&database, behind)?).contains(&"data"));
    Ok(())
}
