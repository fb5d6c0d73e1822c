//! Hostile text in what administrators define: names of groups, policies, tables, columns, namespaces and attributes, proposals.
//! It is taken literally or refused with our own token; the definitions and the rows stay as they were.

use serde_json::json;
use vpd_tests::{
    Database, Result, Subject, create_orders, expected_ids, fresh_ids, outcome, protected_orders, role,
};

use crate::injection::CORPUS;

/// Tokens that say a text was understood as text and refused.
const REFUSALS: &[&str] = &[
    "argument_invalid",
    "predicate_invalid",
    "policy_not_found",
    "policy_group_not_found",
    "policy_group_invalid",
    "policy_function_not_found",
    "schema_not_found",
    "relation_not_found",
    "column_not_found",
    "driving_context_not_found",
    "shadow_not_found",
    "version_not_found",
    "session_not_found",
];

fn is_intact(database: &Database<'_>) -> Result<bool> {
    let token = Subject::in_region("alice", "West").log_in(database)?;
    Ok(fresh_ids(database, Some(&token), "SELECT id FROM shop.orders")? == expected_ids("West"))
}

#[test]
fn group_names_are_literal_from_creation_to_the_driving_context() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.execute("SELECT vpd.add_policy_context('shop.orders', 'app', 'mode')", &[])?;
    let mut taken = 0;
    for (index, text) in CORPUS.iter().enumerate() {
        let created = outcome(security.execute("SELECT vpd.create_policy_group('shop.orders', $1)", &[text]));
        if let Err(refusal) = created {
            let is_control = text.chars().any(char::is_control);
            assert!(is_control, "{text:?}: {refusal:?}");
            assert_eq!(refusal.token.as_deref(), Some("argument_invalid"), "{text:?}");
            continue;
        }
        taken += 1;
        let name = format!("p{index}");
        let id = i32::try_from(index)? + 1;
        security.execute(
            "SELECT vpd.add_policy('shop.orders', $1, 'id = ' || $2::text, policy_group => $3)",
            &[&name, &id.to_string(), text],
        )?;
        let token = Subject::new("alice")
            .attributes(json!({ "app": { "mode": text } }))
            .log_in(&database)?;
        assert_eq!(
            fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
            [id],
            "{text:?}"
        );
    }
    assert!(taken > 20);
    Ok(())
}

#[test]
fn every_name_that_the_package_takes_is_literal_or_refused() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.all_rows(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'true' $$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let calls = [
        "dbms_rls.add_policy($1, 'orders', 'x', 'shop', 'all_rows')",
        "dbms_rls.add_policy('shop', $1, 'x', 'shop', 'all_rows')",
        "dbms_rls.add_policy('shop', 'orders', 'x', $1, 'all_rows')",
        "dbms_rls.add_policy('shop', 'orders', 'x', 'shop', $1)",
        "dbms_rls.add_policy('shop', 'orders', 'x', 'shop', 'all_rows', $1)",
        "dbms_rls.add_policy('shop', 'orders', 'x', 'shop', 'all_rows', sec_relevant_cols => $1)",
        "dbms_rls.add_grouped_policy('shop', 'orders', $1, 'x', 'shop', 'all_rows')",
        "dbms_rls.drop_policy('shop', 'orders', $1)",
        "dbms_rls.drop_grouped_policy('shop', 'orders', $1, 'by_region')",
        "dbms_rls.delete_policy_group('shop', 'orders', $1)",
        "dbms_rls.drop_policy_context('shop', 'orders', $1, 'x')",
        "dbms_rls.drop_policy_context('shop', 'orders', 'x', $1)",
        "vpd.shadow_policy('shop.orders', 'x', $1)",
        "vpd.alter_policy('shop.orders', 'by_region', relevant_columns => ARRAY[$1::text])",
        "vpd.promote_policy('shop.orders', $1)",
        "vpd.rollback_policy('shop.orders', $1)",
        "vpd.policy_diff('shop.orders', $1)",
        "vpd.policy_diff('shop.orders', command => $1)",
    ];
    for call in calls {
        for text in CORPUS {
            let mut transaction = security.transaction()?;
            let outcome = outcome(transaction.execute(&format!("SELECT {call}"), &[text]));
            transaction.rollback()?;
            match outcome {
                Ok(_) => assert!(call.contains("shadow_policy"), "{call} took {text:?}"),
                Err(refusal) => assert!(
                    refusal
                        .token
                        .as_deref()
                        .is_some_and(|token| REFUSALS.contains(&token)),
                    "{call} with {text:?}: {refusal:?}"
                ),
            }
        }
    }
    assert!(is_intact(&database)?);
    Ok(())
}

#[test]
fn a_policy_name_taken_literally_is_found_again_by_the_package() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.all_rows(object_schema text, object_name text) RETURNS text LANGUAGE sql AS $$ SELECT 'true' $$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for text in CORPUS.iter().filter(|text| !text.chars().any(char::is_control)) {
        let quoted = format!("\"{}\"", text.replace('"', "\"\""));
        for call in [
            "dbms_rls.add_policy('shop', 'orders', $1, 'shop', 'all_rows')",
            "dbms_rls.refresh_policy('shop', 'orders', $1)",
            "dbms_rls.enable_policy('shop', 'orders', $1, false)",
            "dbms_rls.drop_policy('shop', 'orders', $1)",
        ] {
            let outcome = outcome(security.execute(&format!("SELECT {call}"), &[&quoted]));
            assert!(outcome.is_ok(), "{call} with {quoted}: {outcome:?}");
        }
    }
    assert!(is_intact(&database)?);
    Ok(())
}

#[test]
fn a_proposal_cannot_break_out_of_the_comparison() -> Result<()> {
    let database = protected_orders()?;
    database
        .admin()?
        .batch_execute("GRANT USAGE ON SCHEMA shop TO sec_admin; GRANT SELECT ON shop.orders TO sec_admin")?;
    Subject::in_region("alice", "West").log_in(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    for text in [
        "true) OR (true",
        "true), pg_sleep(10)) d --",
        "true /* ",
        "true; DROP TABLE shop.orders",
        "true LIMIT 1",
        "true FROM shop.orders o",
        "(SELECT true",
    ] {
        let outcome = outcome(security.execute("SELECT vpd.shadow_policy('shop.orders', 'x', $1)", &[&text]));
        let refusal = outcome.err().ok_or(format!("{text} was taken"))?;
        assert_eq!(
            refusal.token.as_deref(),
            Some("predicate_invalid"),
            "{text}: {refusal:?}"
        );
    }
    for text in ["true -- )", "true /* ) */", "'(' = '(' AND $$)$$ = $$)$$"] {
        security.execute(
            "SELECT vpd.shadow_policy('shop.orders', 'by_region', $1)",
            &[&text],
        )?;
        let told: i64 = security
            .query_one("SELECT count(*) FROM vpd.policy_diff('shop.orders')", &[])?
            .get(0);
        assert_eq!(told, 30, "{text}");
    }
    assert!(is_intact(&database)?);
    Ok(())
}
