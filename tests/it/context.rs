//! What a session can read about itself, and when there is nothing to read.

use postgres::{GenericClient, Transaction};
use serde_json::json;
use vpd_tests::{Database, Result, Subject, assert_refused, attach, role};

/// A subject with a little of everything.
fn alice() -> Subject {
    Subject::new("alice")
        .attributes(json!({
            "app": { "region": "West", "regions": ["West", "East"], "level": 3, "is_lead": true, "none": null },
            "hr": { "region": "North" }
        }))
        .role("manager")
        .role("clerk")
        .privilege("orders:read")
        .privilege("report")
}

fn text(client: &mut impl GenericClient, expression: &str) -> Result<Option<String>> {
    Ok(client
        .query_one(&format!("SELECT ({expression})::text"), &[])?
        .get(0))
}

fn attached(work: impl FnOnce(&mut Transaction<'_>) -> Result<()>) -> Result<()> {
    let database = Database::create()?;
    let token = alice().log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    work(&mut transaction)
}

#[test]
fn readers_tell_the_session_about_itself() -> Result<()> {
    attached(|session| {
        for (expression, expected) in [
            ("vpd.user_name()", Some("alice")),
            ("vpd.app_name()", Some("portal")),
            ("vpd.pillar()", Some("retail")),
            ("vpd.audit_identity()", Some("alice")),
            ("vpd.acting_for()", None),
            ("vpd.is_established()", Some("true")),
            ("vpd.is_authenticated()", Some("true")),
            ("vpd.attribute('app', 'region')", Some("West")),
            ("vpd.attribute('hr', 'region')", Some("North")),
            ("vpd.attribute('app', 'regions')", None),
            ("vpd.attribute('app', 'none')", None),
            ("vpd.attribute('app', 'missing')", None),
            ("vpd.attribute('missing', 'region')", None),
            ("vpd.attribute(NULL, 'region')", None),
            ("vpd.attribute_list('app', 'regions')", Some("{West,East}")),
            ("vpd.attribute_list('app', 'region')", Some("{West}")),
            ("vpd.attribute_list('app', 'missing')", None),
            ("vpd.user_in_role('manager')", Some("true")),
            ("vpd.user_in_role('auditor', 'clerk')", Some("true")),
            ("vpd.user_in_role('auditor')", Some("false")),
            ("vpd.user_in_role(VARIADIC '{}')", Some("false")),
            ("vpd.user_in_all_roles('manager', 'clerk')", Some("true")),
            ("vpd.user_in_all_roles('manager', 'auditor')", Some("false")),
            ("vpd.user_in_all_roles(VARIADIC '{}')", Some("false")),
            ("vpd.has_privilege('report')", Some("true")),
            ("vpd.has_privilege('Report')", Some("false")),
            ("vpd.has_resource('orders', 'read')", Some("true")),
            ("vpd.has_resource('orders', 'write')", Some("false")),
        ] {
            assert_eq!(text(session, expression)?.as_deref(), expected, "{expression}");
        }
        Ok(())
    })
}

#[test]
fn sys_context_answers_as_oracle_does() -> Result<()> {
    attached(|session| {
        for (name, expected) in [
            ("SESSION_USER", "app_user"),
            ("CURRENT_USER", "app_user"),
            ("CLIENT_IDENTIFIER", "alice"),
            ("AUTHENTICATED_IDENTITY", "alice"),
        ] {
            let expression = format!("vpd.sys_context('USERENV', '{name}')");
            assert_eq!(text(session, &expression)?.as_deref(), Some(expected), "{name}");
            assert_eq!(
                text(session, &expression.to_lowercase())?.as_deref(),
                Some(expected),
                "{name}"
            );
        }
        let database = text(
            session,
            "vpd.sys_context('USERENV', 'DB_NAME') = current_database()",
        )?;
        assert_eq!(database.as_deref(), Some("true"));
        let id = text(
            session,
            "vpd.sys_context('USERENV', 'SESSIONID') = vpd.session_id()::text",
        )?;
        assert_eq!(id.as_deref(), Some("true"));
        assert_eq!(
            text(session, "vpd.sys_context('app', 'region')")?.as_deref(),
            Some("West")
        );
        let unknown = session.query("SELECT vpd.sys_context('USERENV', 'NO_SUCH_ATTRIBUTE')", &[]);
        assert_refused(unknown, "22023", "argument_invalid");
        Ok(())
    })
}

#[test]
fn current_session_is_one_row_with_its_clocks() -> Result<()> {
    attached(|session| {
        let row = session.query_one(
            "SELECT user_name, app, roles, privileges, attributes -> 'hr' ->> 'region',
                    idle_expires_at - created_at BETWEEN '34 minutes' AND '36 minutes',
                    expires_at - created_at = '12 hours', session_id = vpd.session_id()
               FROM vpd.current_session()",
            &[],
        )?;
        assert_eq!((row.get(0), row.get(1), row.get(4)), ("alice", "portal", "North"));
        assert_eq!(row.get::<_, Vec<&str>>(2), ["clerk", "manager"]);
        assert_eq!(row.get::<_, Vec<&str>>(3), ["orders:read", "report"]);
        assert!((5..8).all(|column| row.get(column)));
        Ok(())
    })
}

#[test]
fn without_a_session_readers_answer_null_or_false() -> Result<()> {
    let database = Database::create()?;
    // A role without any profile may ask, too: it learns about itself only.
    let mut stranger = database.connect(role::STRANGER)?;
    for expression in [
        "vpd.user_name()",
        "vpd.session_id()",
        "vpd.app_name()",
        "vpd.pillar()",
        "vpd.audit_identity()",
        "vpd.acting_for()",
        "vpd.attribute('app', 'region')",
        "vpd.attribute_list('app', 'regions')",
        "vpd.sys_context('app', 'region')",
    ] {
        assert_eq!(text(&mut stranger, expression)?, None, "{expression}");
    }
    for expression in [
        "vpd.is_established()",
        "vpd.is_authenticated()",
        "vpd.user_in_role('manager')",
        "vpd.user_in_all_roles('manager')",
        "vpd.has_privilege('report')",
        "vpd.has_resource('orders', 'read')",
    ] {
        let answer = text(&mut stranger, expression)?;
        assert!(
            matches!(answer.as_deref(), None | Some("false")),
            "{expression}: {answer:?}"
        );
    }
    assert!(
        stranger
            .query("SELECT * FROM vpd.current_session()", &[])?
            .is_empty()
    );
    Ok(())
}

#[test]
fn the_anonymous_subject_is_established_and_nobody() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    session.execute("SELECT vpd.attach_anonymous()", &[])?;
    for (expression, expected) in [
        ("vpd.user_name()", Some("anonymous")),
        ("vpd.is_established()", Some("true")),
        ("vpd.is_authenticated()", Some("false")),
        ("vpd.user_in_role('anonymous')", Some("true")),
        ("vpd.user_in_role('manager')", Some("false")),
        ("vpd.has_privilege('report')", Some("false")),
        ("vpd.attribute('app', 'region')", None),
    ] {
        assert_eq!(
            text(&mut session, expression)?.as_deref(),
            expected,
            "{expression}"
        );
    }
    Ok(())
}

#[test]
fn audit_identity_and_acting_for_are_kept_beside_the_user() -> Result<()> {
    let database = Database::create()?;
    let row = database.connect(role::BRIDGE)?.query_one(
        "SELECT vpd.create_session('batch', 'portal', audit_identity => 'alice', acting_for => 'bob',
                                   language => 'de', territory => 'AT')",
        &[],
    )?;
    let token: String = row.get(0);
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(text(&mut session, "vpd.user_name()")?.as_deref(), Some("batch"));
    assert_eq!(
        text(&mut session, "vpd.audit_identity()")?.as_deref(),
        Some("alice")
    );
    assert_eq!(text(&mut session, "vpd.acting_for()")?.as_deref(), Some("bob"));
    assert_eq!(
        text(&mut session, "vpd.sys_context('userenv', 'language')")?.as_deref(),
        Some("de")
    );
    Ok(())
}
