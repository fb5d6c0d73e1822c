//! A context trusts the function that was there when it was declared. Whoever can make a function of that name later gains nothing by it, however a
//! document spells the function and the context, and however often it is imported.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::{Database, Result, Subject, attach, role};

use crate::definition_order::document;

const SCENE: &str = "
CREATE SCHEMA oe AUTHORIZATION app_stranger;
GRANT USAGE ON SCHEMA oe TO app_user, sec_admin;
GRANT USAGE, CREATE ON SCHEMA oe TO app_owner;
";

/// The function as somebody makes it: it says what he wants.
fn setter(value: &str) -> String {
    format!(
        "CREATE PROCEDURE oe.setno(n integer) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
             $$BEGIN CALL dbms_session.set_context('order_ctx', 'no', '{value}'); END$$"
    )
}

/// What a session has from the function; nothing when the context does not trust it.
fn value(database: &Database<'_>) -> Result<Option<String>> {
    let token = Subject::new("vic").log_in(database)?;
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    attach(&mut transaction, &token)?;
    if transaction.batch_execute("CALL oe.setno(1)").is_err() {
        return Ok(None);
    }
    Ok(transaction
        .query_one("SELECT vpd.sys_context('order_ctx', 'no')", &[])?
        .get(0))
}

fn context(namespace: &str, function: &str, is_global: bool) -> Value {
    document(&json!({
        "contexts": [{"namespace": namespace, "trusted_function": function, "accessed_globally": is_global}],
    }))
}

fn import(client: &mut Client, document: &Value, prune: bool) -> Result<Vec<String>> {
    let rows = client.query(
        "SELECT concat_ws(' ', change, kind, name) FROM vpd.import_definitions($1, prune => $2)",
        &[document, &prune],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A context that trusts the function of the owner.
fn declared() -> Result<(Database<'static>, Client)> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    database.connect(role::OWNER)?.batch_execute(&setter("honest"))?;
    let mut security = database.connect(role::SECURITY)?;
    let lines = import(
        &mut security,
        &context("Order_Ctx", "oe.setno(int)", false),
        false,
    )?;
    assert_eq!(lines, ["add context ORDER_CTX"]);
    assert_eq!(value(&database)?.as_deref(), Some("honest"));
    Ok((database, security))
}

const SPELLINGS: [(&str, &str); 4] = [
    ("ORDER_CTX", "oe.setno(pg_catalog.int4)"),
    ("ORDER_CTX", "oe.setno(int)"),
    ("order_ctx", "OE.SetNo( INTEGER )"),
    ("Order_Ctx", "\"oe\" . setno(pg_catalog.\"int4\")"),
];

#[test]
fn a_function_of_the_same_name_is_never_adopted() -> Result<()> {
    let (database, mut security) = declared()?;
    for (namespace, function) in SPELLINGS {
        for prune in [false, true] {
            let lines = import(&mut security, &context(namespace, function, false), prune)?;
            assert!(lines.is_empty(), "{namespace} {function}: {lines:?}");
        }
    }

    let mut stranger = database.connect(role::STRANGER)?;
    stranger.batch_execute("DROP PROCEDURE oe.setno(integer)")?;
    stranger.batch_execute(&setter("forged"))?;
    assert_eq!(value(&database)?, None, "control: it is not trusted by itself");
    for (namespace, function) in SPELLINGS {
        for (is_global, prune) in [(false, false), (false, true), (true, true)] {
            let lines = import(&mut security, &context(namespace, function, is_global), prune)?;
            assert_eq!(
                lines,
                ["skip context ORDER_CTX"],
                "it is told: {namespace} {function}"
            );
            assert_eq!(value(&database)?, None, "{namespace} {function}");
        }
    }

    // Control: declared anew, it would be trusted.
    security.batch_execute("SELECT vpd.drop_context('order_ctx')")?;
    let lines = import(
        &mut security,
        &context("order_ctx", "oe.setno(int)", false),
        false,
    )?;
    assert_eq!(lines, ["add context ORDER_CTX"]);
    assert_eq!(value(&database)?.as_deref(), Some("forged"));
    Ok(())
}

#[test]
fn a_context_that_becomes_shared_trusts_whom_it_trusted() -> Result<()> {
    let (database, mut security) = declared()?;
    let owner = "SELECT function_owner || ' ' || is_global FROM vpd_private.application_context";
    for is_global in [true, false] {
        let lines = import(
            &mut security,
            &context("order_ctx", "oe.setno(int)", is_global),
            false,
        )?;
        assert_eq!(lines, ["change context ORDER_CTX"]);
        let remembered: String = database.admin()?.query_one(owner, &[])?.get(0);
        assert_eq!(remembered, format!("app_owner {is_global}"));
        assert_eq!(value(&database)?.as_deref(), Some("honest"));
    }
    Ok(())
}
