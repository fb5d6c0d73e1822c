//! Hostile text in every place that takes text: it is either taken literally or refused, never run and never mangled.

use serde_json::json;
use vpd_tests::{
    Database, Result, Subject, VERIFIER, assert_refused, attach, create_orders, fresh_ids, ids, outcome,
    protected_orders, role,
};

/// Quotes, dollar tags, comments, escapes, newlines, look-alikes.
pub(crate) const CORPUS: &[&str] = &[
    "'",
    "''",
    "' OR 'a' = 'a",
    "East' OR true --",
    "\"",
    "\"; DROP TABLE shop.orders; --",
    "$$",
    "$tag$ OR true $tag$",
    "$1",
    "/*",
    "*/ OR true /*",
    "--",
    "\\",
    "\\'",
    "E'\\x27 OR true'",
    "U&'\\0027 OR true'",
    "U&\"d!0061t!+000061\" UESCAPE '!'",
    "line\nbreak",
    "carriage\r\nreturn",
    "tab\tand\u{b}vertical",
    "%s%I%L%%",
    "{a,b}",
    "{\"app\":{}}",
    "\u{2019}; \u{ff07} OR true",
    "\u{202e}esrever",
    "\u{feff}bom",
    "e\u{301}",
    "\u{1f600}",
    ";",
    ");",
    "NULL",
    "vpd.attribute('app','region')",
];

#[test]
fn attribute_values_are_compared_literally() -> Result<()> {
    let database = protected_orders()?;
    let mut admin = database.admin()?;
    for (index, text) in CORPUS.iter().enumerate() {
        let id = 1000 + i32::try_from(index)?;
        admin.execute("INSERT INTO shop.orders VALUES ($1, $2, 1)", &[&id, text])?;
    }
    for (index, text) in CORPUS.iter().enumerate() {
        let token = Subject::in_region("alice", text).log_in(&database)?;
        let seen = fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?;
        assert_eq!(seen, [1000 + i32::try_from(index)?], "{text:?}");
    }
    Ok(())
}

#[test]
fn names_of_attributes_users_roles_and_privileges_are_literal() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut user = database.connect(role::USER)?;
    for text in CORPUS {
        let subject = Subject::new(text)
            .attributes(json!({ (*text): { (*text): text } }))
            .role(text)
            .privilege(text);
        let token = match outcome(subject.log_in_with(&mut bridge)) {
            Ok(token) => token,
            Err(refusal) => {
                assert_eq!(
                    refusal.token.as_deref(),
                    Some("argument_invalid"),
                    "{text:?}: {refusal:?}"
                );
                continue;
            }
        };
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let row = session.query_one(
            "SELECT vpd.user_name() = $1, vpd.attribute($1, $1) = $1, vpd.user_in_role($1), vpd.has_privilege($1),
                    vpd.attribute_list($1, $1) = ARRAY[$1]",
            &[text],
        )?;
        for column in 0..5 {
            assert_eq!(
                row.get::<_, Option<bool>>(column),
                Some(true),
                "{text:?} in column {column}"
            );
        }
    }
    Ok(())
}

#[test]
fn policy_names_and_table_names_are_literal() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    let mut security = database.connect(role::SECURITY)?;
    let token = Subject::new("alice").log_in(&database)?;
    for (index, text) in CORPUS.iter().enumerate() {
        let quoted: String = admin
            .query_one("SELECT format('shop.%I', 't ' || $1::text)", &[text])?
            .get(0);
        admin.batch_execute(&format!(
            "CREATE TABLE {quoted} AS SELECT n AS id FROM generate_series(1, 3) n; GRANT SELECT ON {quoted} TO app_user"
        ))?;
        let add = "SELECT vpd.add_policy($1::text::regclass, $2, 'id = 2')";
        let added = outcome(security.execute(add, &[&quoted, text]));
        if let Err(refusal) = added {
            assert_eq!(
                refusal.token.as_deref(),
                Some("argument_invalid"),
                "{text:?}: {refusal:?}"
            );
            continue;
        }
        assert_eq!(
            fresh_ids(&database, Some(&token), &format!("SELECT id FROM {quoted}"))?,
            [2],
            "{index} {text:?}"
        );
        for change in [
            "SELECT vpd.enable_policy($1::text::regclass, $2, false)",
            "SELECT vpd.drop_policy($1::text::regclass, $2)",
        ] {
            security.execute(change, &[&quoted, text])?;
        }
        assert_eq!(
            fresh_ids(&database, None, &format!("SELECT id FROM {quoted}"))?.len(),
            3
        );
    }
    assert_eq!(ids(&mut admin, "SELECT id FROM shop.orders")?.len(), 40);
    Ok(())
}

#[test]
fn literals_in_predicates_mean_what_they_say() -> Result<()> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    let mut security = database.connect(role::SECURITY)?;
    let token = Subject::new("alice").log_in(&database)?;
    security.execute("SELECT vpd.add_policy('shop.orders', 'p', 'true')", &[])?;
    for text in CORPUS {
        admin.execute("UPDATE shop.orders SET region = $1 WHERE id = 1", &[text])?;
        let predicate: String = admin
            .query_one("SELECT format('region = %L', $1::text)", &[text])?
            .get(0);
        let alter = "SELECT vpd.alter_policy('shop.orders', 'p', predicate => $1)";
        security.execute(alter, &[&predicate])?;
        assert_eq!(
            fresh_ids(&database, Some(&token), "SELECT id FROM shop.orders")?,
            [1],
            "{text:?}"
        );
    }
    Ok(())
}

/// `standard_conforming_strings = off` turns a backslash into an escape; the caller must not choose how a policy reads.
#[test]
fn string_settings_of_the_caller_do_not_change_a_predicate() -> Result<()> {
    // With a backslash that is a letter the literal ends before OR; with one that escapes, it does not.
    for (predicate, is_open) in [
        (r"region = 'a\' OR true --'", true),
        (r"region = E'a\' OR true --'", false),
    ] {
        let database = Database::create()?;
        create_orders(&database)?;
        database
            .connect(role::SECURITY)?
            .execute("SELECT vpd.add_policy('shop.orders', 'p', $1)", &[&predicate])?;
        let all = ids(&mut database.admin()?, "SELECT id FROM shop.orders")?;
        let expected = if is_open { all } else { vec![] };
        let token = Subject::new("alice").log_in(&database)?;
        for setting in [
            "SET standard_conforming_strings = off; SET backslash_quote = on; SET escape_string_warning = off",
            "SET quote_all_identifiers = on",
            "SET transform_null_equals = on",
        ] {
            let mut user = database.connect(role::USER)?;
            user.batch_execute(setting)?;
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            assert_eq!(
                ids(&mut session, "SELECT id FROM shop.orders")?,
                expected,
                "{setting}"
            );
        }
    }
    Ok(())
}

#[test]
fn tokens_tickets_and_messages_made_of_hostile_text_are_unknown() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for text in CORPUS {
        assert_refused(attach(&mut user, text), "28000", "session_invalid");
        bridge.execute("SELECT vpd.end_session($1)", &[text])?;
        let ticket = bridge.query_one("SELECT vpd.redeem_ticket($1, $1, $1)", &[text])?;
        assert_eq!(ticket.get::<_, Option<String>>(0), None);
        let validate = bridge.execute("SELECT vpd.validate_message($1, $1)", &[text]);
        assert_refused(validate, "28000", "session_invalid");
    }
    Ok(())
}

#[test]
fn a_nul_is_refused_by_the_server() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    assert!(Subject::new("ali\0ce").log_in_with(&mut bridge).is_err());
    assert!(
        Subject::in_region("alice", "We\0st")
            .log_in_with(&mut bridge)
            .is_err()
    );
    assert!(
        bridge
            .execute(
                "SELECT vpd.redeem_ticket($1, 'floor', $2)",
                &[&"vt_\0", &VERIFIER]
            )
            .is_err()
    );
    let sessions: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM vpd.sessions", &[])?
        .get(0);
    assert_eq!(sessions, 0);
    Ok(())
}
