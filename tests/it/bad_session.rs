//! Sessions and applications that make no sense are refused with a code, a token and a hint, and change nothing.

use serde_json::{Value, json};
use vpd_tests::{
    Database, Result, Subject, assert_all_refused, assert_refused, attach, issue, outcome, redeem, role,
};

fn count(database: &Database<'_>, view: &str) -> Result<i64> {
    Ok(database
        .admin()?
        .query_one(&format!("SELECT count(*) FROM vpd.{view}"), &[])?
        .get(0))
}

#[test]
fn a_session_needs_a_user_and_a_registered_application() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for user in ["", " ", "\n", &"x".repeat(10_000)] {
        assert_refused(
            Subject::new(user).log_in_with(&mut bridge),
            "22023",
            "argument_invalid",
        );
    }
    for app in ["", "no-such-app", "PORTAL", "portal ", "portal'--"] {
        assert_refused(
            Subject::new("alice").app(app).log_in_with(&mut bridge),
            "42704",
            "app_not_found",
        );
    }
    for arguments in [
        "NULL, 'portal'",
        "'alice', NULL",
        "'alice', 'portal', NULL",
        "'alice', 'portal', roles => NULL",
    ] {
        let create = bridge.execute(&format!("SELECT vpd.create_session({arguments})"), &[]);
        if arguments.starts_with("'alice', 'portal'") {
            // NULL attributes or roles may mean none; they must not mean everything.
            continue;
        }
        assert!(create.is_err(), "{arguments}");
    }
    Ok(())
}

#[test]
fn nobody_may_be_named_anonymous() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    assert_refused(
        Subject::new("anonymous").log_in_with(&mut bridge),
        "22023",
        "argument_invalid",
    );
    Ok(())
}

#[test]
fn attributes_have_a_shape_and_a_size() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let large = "x".repeat(1024 * 1024);
    let bad: &[Value] = &[
        json!({ "app": { "note": large } }),
        json!({ "app": { "note": "x".repeat(64 * 1024) } }),
        json!([]),
        json!("app"),
        json!(7),
        json!({ "app": "region" }),
        json!({ "app": ["region"] }),
        json!({ "app": { "region": { "nested": "object" } } }),
        json!({ "app": { "regions": ["West", { "nested": "object" }] } }),
        json!({ "app": { "regions": [["West"]] } }),
    ];
    for attributes in bad {
        let refused = Subject::new("alice")
            .attributes(attributes.clone())
            .log_in_with(&mut bridge);
        let refusal = assert_refused(refused, "22023", "argument_invalid");
        assert!(
            refusal.text.len() < 2000 && !refusal.text.contains("xxxx"),
            "the value is not shown"
        );
    }
    assert_eq!(count(&database, "sessions")?, 0);
    let fits = json!({ "app": { "note": "x".repeat(60 * 1024) } });
    Subject::new("alice").attributes(fits).log_in_with(&mut bridge)?;
    Ok(())
}

#[test]
fn roles_and_privileges_are_at_most_ten_thousand_each() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let names = |count: i32| (0..count).map(|n| format!("r{n}")).collect::<Vec<_>>();
    for column in ["roles", "privileges"] {
        let create = format!("SELECT vpd.create_session('alice', 'portal', {column} => $1)");
        assert_refused(
            bridge.execute(&create, &[&names(10_001)]),
            "22023",
            "argument_invalid",
        );
        bridge.execute(&create, &[&names(10_000)])?;
        let with_null: Vec<Option<&str>> = vec![Some("manager"), None];
        // A NULL is no name: it is refused or left out, and gives nothing.
        if let Ok(row) = outcome(bridge.query_one(&create, &[&with_null])) {
            let mut user = database.connect(role::USER)?;
            let mut session = user.transaction()?;
            attach(&mut session, row.get(0))?;
            let count = format!("SELECT cardinality({column}) FROM vpd.current_session()");
            assert_eq!(session.query_one(&count, &[])?.get::<_, i32>(0), 1);
        }
    }
    Ok(())
}

#[test]
fn an_application_is_registered_within_bounds() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let before = count(&database, "apps")?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.register_app({})",
        "
         22023 argument_invalid ''
         22023 argument_invalid 'Portal'
         22023 argument_invalid '1portal'
         22023 argument_invalid 'por tal'
         22023 argument_invalid 'portal;'
         22023 argument_invalid repeat('x', 64)
         22023 argument_invalid NULL
         22023 argument_invalid 'new', ''
         22023 argument_invalid 'new', 'Retail'
         22023 argument_invalid 'new', idle_timeout => '999 ms'
         22023 argument_invalid 'new', idle_timeout => '24 hours 1 second'
         22023 argument_invalid 'new', idle_timeout => '-1 hour'
         22023 argument_invalid 'new', idle_timeout => NULL
         22023 argument_invalid 'new', absolute_timeout => '34 minutes'
         22023 argument_invalid 'new', absolute_timeout => '30 days 1 second'
         22023 argument_invalid 'new', ticket_lifetime => '0'
         22023 argument_invalid 'new', ticket_lifetime => '121 seconds'
         22023 argument_invalid 'new', max_sessions_per_user => 0
         22023 argument_invalid 'new', max_sessions_per_user => 10001
         22023 argument_invalid 'new', when_full => 'end_newest'
         22023 argument_invalid 'new', when_full => NULL
         22023 argument_invalid 'new', origins => '{not-an-origin}'
         22023 argument_invalid 'new', origins => '{https://shop.example/path}'
         22023 argument_invalid 'new', origins => '{*}'
         22023 argument_invalid 'new', origins => '{NULL}'",
    );
    assert_eq!(count(&database, "apps")?, before);
    security.execute(
        "SELECT vpd.register_app('new', 'retail', '{https://new.example,http://new.localhost:8480}',
                                 '24 hours', '30 days', '1 second', 10000)",
        &[],
    )?;
    Ok(())
}

#[test]
fn registering_again_changes_the_registration() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let before = count(&database, "apps")?;
    for _ in 0..2 {
        security.execute(
            "SELECT vpd.register_app('portal', 'retail', idle_timeout => '10 minutes')",
            &[],
        )?;
    }
    let row = security.query_one(
        "SELECT idle_timeout = '10 minutes' FROM vpd.apps WHERE name = 'portal'",
        &[],
    )?;
    assert!(row.get::<_, bool>(0));
    assert_eq!(count(&database, "apps")?, before);
    Ok(())
}

#[test]
fn an_end_reason_is_text_and_not_too_long() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let token = Subject::new("alice").log_in_with(&mut bridge)?;
    let long = "x".repeat(1_000_000);
    let ended = bridge.execute("SELECT vpd.end_session($1, $2)", &[&token, &long]);
    if ended.is_ok() {
        let kept = "SELECT length(end_reason) FROM vpd.sessions";
        let length: i32 = database.admin()?.query_one(kept, &[])?.get(0);
        assert!(length <= 1000, "{length}");
    } else {
        assert_refused(ended, "22023", "argument_invalid");
    }
    Ok(())
}

#[test]
fn a_format_has_a_size() -> Result<()> {
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for name in ["language", "territory", "date_format", "number_format"] {
        let create = format!("SELECT vpd.create_session('alice', 'portal', {name} => repeat('x', $1))");
        assert_refused(bridge.query(&create, &[&257]), "22023", "argument_invalid");
        bridge.query(&create, &[&256])?;
    }
    Ok(())
}

#[test]
fn a_session_is_handed_over_a_thousand_times_and_no_more() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice").log_in(&database)?;
    database.admin()?.batch_execute(
        "INSERT INTO vpd_private.session_token (token_hash, session_id, app, is_primary, issued_at, made_in)
         SELECT sha256(n::text::bytea), t.session_id, t.app, false, t.issued_at, t.made_in FROM vpd_private.session_token t, generate_series(1, 998) n",
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let ticket = issue(&mut bridge, &token, "floor")?;
    assert!(redeem(&mut bridge, &ticket, "floor")?.is_some());
    let ticket = issue(&mut bridge, &token, "floor")?;
    assert_refused(redeem(&mut bridge, &ticket, "floor"), "53400", "limit_tokens");
    // control: another login has room
    Subject::new("alice").log_in(&database)?;
    Ok(())
}
