//! What a database says of a session, to whom, and of which session it says nothing.

use std::collections::BTreeSet;

use super::{FIRST, SECOND, cluster, first, read, sign_with};
use crate::authority::define;
use serde_json::{Value, json};
use vpd_tests::issuer::now;
use vpd_tests::{
    Result, Subject, act_for, assert_denied_to_all_but, assert_refused, attach, issue, redeem, role, until,
};

/// Everything that is ever said, and what is said of a session without a chain.
const CLAIMS: [&str; 13] = [
    "act",
    "acting_for",
    "aud",
    "audit_identity",
    "auth_time",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "pillar",
    "sid",
    "sub",
];

fn names(claims: &Value) -> BTreeSet<String> {
    claims
        .as_object()
        .map(|claims| claims.keys().cloned().collect())
        .unwrap_or_default()
}

#[test]
fn identity_goes_out_and_nothing_else() -> Result<()> {
    let cluster = cluster()?;
    let database = first(&cluster)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let carol: String = bridge
        .query_one(
            "SELECT vpd.create_session('carol', 'portal', '{\"app\": {\"secret\": \"attribute\"}}', '{claimed}', '{privileged}', acting_for => 'boss')",
            &[],
        )?
        .get(0);
    let for_peter = act_for(&mut bridge, &carol, "peter")?;
    let for_alice = act_for(&mut bridge, &for_peter, "alice")?;
    let token = sign_with(&database, &for_alice, "", SECOND)??;
    let (header, claims) = read(&token)?;
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("EdDSA"), &json!("vpd-identity+jwt"))
    );
    assert_eq!(names(&claims), CLAIMS.iter().map(ToString::to_string).collect());
    for (name, value) in [
        ("iss", json!(FIRST)),
        ("aud", json!(SECOND)),
        ("sub", json!("alice")),
        ("act", json!({"sub": "carol", "act": {"sub": "peter"}})),
        ("audit_identity", json!("alice")),
        ("acting_for", json!("boss")),
        ("pillar", json!("retail")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let time = |name: &str| claims[name].as_i64().unwrap_or_default();
    assert!((now() - time("iat")).abs() < 60 && time("nbf") == time("iat"));
    assert_eq!(time("exp") - time("iat"), 60);
    // Two tokens of one session are two tokens, and the session is told by its hash.
    let (_, again) = read(&sign_with(&database, &for_alice, "", SECOND)??)?;
    assert_ne!(again["jti"], claims["jti"]);
    let hash: String = database
        .admin()?
        .query_one(
            "SELECT rtrim(translate(encode(sha256(convert_to(session_id::text, 'UTF8')), 'base64'), '+/', '-_'), '=')
               FROM vpd.sessions WHERE user_name = 'alice'",
            &[],
        )?
        .get(0);
    assert_eq!((&claims["sid"], &again["sid"]), (&json!(hash), &json!(hash)));
    Ok(())
}

#[test]
fn who_has_no_session_gets_no_token() -> Result<()> {
    let cluster = cluster()?;
    let database = first(&cluster)?;
    let alice = Subject::new("alice").log_in(&database)?;
    // control
    sign_with(&database, &alice, "", SECOND)??;
    let call = "SELECT vpd.sign_identity('https://second.example')";
    let mut user = database.connect(role::USER)?;
    assert_refused(user.query(call, &[]), "28000", "session_invalid");
    let mut transaction = user.transaction()?;
    transaction.batch_execute("SELECT vpd.attach_anonymous()")?;
    assert_refused(transaction.query(call, &[]), "28000", "session_invalid");
    drop(transaction);
    assert_refused(
        sign_with(&database, &alice, "SELECT vpd.detach_session()", SECOND)?,
        "28000",
        "session_invalid",
    );
    // One that ends while it is attached.
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &alice)?;
    database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.end_user_sessions('alice')", &[])?;
    assert_refused(transaction.query(call, &[]), "28000", "session_invalid");
    drop(transaction);
    assert_denied_to_all_but(&database, &[role::USER, role::BRIDGE], &[call])?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.set_issuer_name('https://x.example')",
            "SELECT vpd.rotate_signing_key()",
        ],
    )
}

/// Control: in the same database, what comes out of the session has its one role too. Elsewhere nobody knows of the role.
#[test]
fn a_session_that_gave_up_roles_has_no_identity_for_others() -> Result<()> {
    let cluster = cluster()?;
    let database = first(&cluster)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut log_in = |user: &str, role: &str| -> Result<String> {
        Ok(bridge
            .query_one(
                "SELECT vpd.create_session($1, 'portal', assumed_role => $2)",
                &[&user, &role],
            )?
            .get(0))
    };
    let narrow = log_in("alice", "Writer")?;
    define(
        &database,
        "SELECT vpd.grant_authority('role:Writer', 'user:peter')",
    )?;
    let narrow_peter = log_in("peter", "Writer")?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let for_alice = act_for(&mut bridge, &narrow_peter, "alice")?;
    let ticket = issue(&mut bridge, &for_alice, "ledger")?;
    let handed_over = redeem(&mut bridge, &ticket, "ledger")?.ok_or("not redeemed")?;
    for session in [&narrow, &narrow_peter, &for_alice, &handed_over] {
        assert_refused(
            sign_with(&database, session, "", SECOND)?,
            "42501",
            "privilege_missing",
        );
    }
    // For a transaction alone.
    let whole = Subject::new("alice").log_in(&database)?;
    sign_with(&database, &whole, "", SECOND)??;
    assert_refused(
        sign_with(&database, &whole, "SELECT vpd.assume_role('Writer')", SECOND)?,
        "42501",
        "privilege_missing",
    );
    Ok(())
}

#[test]
fn audience_lifetime_and_name_have_limits() -> Result<()> {
    let cluster = cluster()?;
    let database = first(&cluster)?;
    let alice = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut call = |arguments: &str| -> Result<std::result::Result<String, postgres::Error>> {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &alice)?;
        Ok(transaction
            .query_one(&format!("SELECT vpd.sign_identity({arguments})"), &[])
            .map(|row| row.get(0)))
    };
    for bad in [
        "NULL",
        "''",
        "'a b'",
        "'é'",
        "E'a\\nb'",
        "repeat('x', 257)",
        "'b', NULL",
        "'b', '0'",
        "'b', '0.9 seconds'",
        "'b', '-1 minute'",
        "'b', '5 minutes 0.001 seconds'",
        "'b', '1 month'",
        "'b', '178000000 years'",
    ] {
        assert_refused(call(bad)?, "22023", "argument_invalid");
    }
    for (good, seconds) in [
        ("repeat('x', 256)", 60),
        ("'b', '1 second'", 1),
        ("'b', '5 minutes'", 300),
    ] {
        let (_, claims) = read(&call(good)??)?;
        let time = |name: &str| claims[name].as_i64().unwrap_or_default();
        assert_eq!(time("exp") - time("iat"), seconds, "{good}");
    }
    // It does not outlive the session.
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET expires_at = clock_timestamp() + interval '20 seconds'",
    )?;
    let (_, claims) = read(&call("'b', '5 minutes'")??)?;
    assert!(claims["exp"].as_i64().unwrap_or_default() <= now() + 21);
    let mut security = database.connect(role::SECURITY)?;
    for bad in ["'first'", "'http://first.example'", "'https://first.example?x'"] {
        let refused = security.query(&format!("SELECT vpd.set_issuer_name({bad})"), &[]);
        assert_refused(refused, "22023", "argument_invalid");
    }
    security.batch_execute("SELECT vpd.set_issuer_name(NULL)")?;
    assert_refused(call("'b'")?, "55000", "not_ready");
    Ok(())
}

#[test]
fn a_standby_gives_the_keys_and_signs_nothing() -> Result<()> {
    let cluster = cluster()?;
    let database = first(&cluster)?;
    let alice = Subject::new("alice").log_in(&database)?;
    sign_with(&database, &alice, "", SECOND)??;
    let known = super::public_keys(&mut database.connect(role::AUDITOR)?)?;
    let standby = cluster.start_standby()?;
    let mut reader = standby.connect(role::USER, database.name())?;
    until("the keys are there", || {
        Ok(super::public_keys(&mut reader).is_ok_and(|keys| keys == known))
    })?;
    let mut transaction = reader.transaction()?;
    attach(&mut transaction, &alice)?;
    assert_refused(
        transaction.query("SELECT vpd.sign_identity('b')", &[]),
        "55000",
        "not_ready",
    );
    Ok(())
}
