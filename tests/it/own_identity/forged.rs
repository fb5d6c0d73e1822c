//! Tokens of a database that say what is not so, and those of others that pass themselves off as one.

use super::{FIRST, SECOND, arrive, cluster, empty, first, second, sign};
use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, now, reasons};
use vpd_tests::{Result, Subject, act_for, assert_refused, role};

/// A database that is trusted and lies, with a key that we have.
const LIAR: &str = "https://liar.example";

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "one", "typ": "vpd-identity+jwt"})
}

fn claims(changes: &Value) -> Value {
    let now = now();
    let mut claims = json!({
        "iss": LIAR, "aud": SECOND, "sub": "alice", "audit_identity": "alice", "iat": now, "nbf": now, "exp": now + 60,
        "auth_time": now, "jti": changes.to_string(), "pillar": "retail",
    });
    if let (Some(members), Some(changes)) = (claims.as_object_mut(), changes.as_object()) {
        for (name, value) in changes {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    claims
}

#[test]
fn what_is_forged_is_refused_each_for_its_own_reason() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    let (key, curve) = (SigningKey::generate("EdDSA")?, SigningKey::generate("ES256")?);
    second.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{LIAR}', '{{{SECOND}}}', apps => '{{portal}}', kind => 'database')"
    ))?;
    second.admin()?.execute(
        "SELECT vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[
            &LIAR,
            &json!({"keys": [key.public("one"), curve.public("two")]}).to_string(),
        ],
    )?;
    let mut deep = json!({"sub": "u0"});
    for number in 1..9 {
        deep = json!({"sub": format!("u{number}"), "act": deep});
    }
    let late = now();
    for (changes, reason) in [
        (json!({"act": {"sub": "alice"}}), "actor"),
        (json!({"act": {"sub": "peter", "act": {"sub": "alice"}}}), "actor"),
        (json!({"act": {"sub": "peter", "act": {"sub": "peter"}}}), "actor"),
        (json!({ "act": deep }), "actor"),
        (json!({"act": "peter"}), "actor"),
        (json!({"act": [{"sub": "peter"}]}), "actor"),
        (json!({"act": {}}), "actor"),
        (json!({"act": {"sub": 7}}), "claim_type"),
        (json!({"act": {"sub": "anonymous"}}), "actor"),
        (json!({"act": {"sub": "peter", "iss": FIRST}}), "actor"),
        (json!({"act": {"sub": "peter", "roles": ["Reader"]}}), "actor"),
        (json!({"sub": "anonymous"}), "user"),
        (json!({"sub": null}), "claim_missing"),
        (json!({"audit_identity": null}), "claim_missing"),
        (json!({"audit_identity": ["alice"]}), "claim_type"),
        (json!({"acting_for": ""}), "actor"),
        (json!({"aud": FIRST}), "audience"),
        (json!({"aud": [SECOND, FIRST]}), "audience"),
        (json!({"jti": null}), "claim_missing"),
        (json!({"iat": late, "exp": late + 301}), "lifetime"),
        (json!({"exp": late + 31_536_000}), "lifetime"),
        (json!({"exp": late - 40, "iat": late - 60}), "expired"),
        (json!({"nbf": late + 60}), "not_yet"),
        (json!({"iss": FIRST}), "key_unknown"),
    ] {
        let before = reasons(&second)?.len();
        let token = key.sign(&header(), &claims(&changes))?;
        assert_refused(arrive(&second, &token)?, "28000", "token_refused");
        assert_eq!(reasons(&second)?.split_off(before), [reason], "{changes}");
    }
    for (changes, signer, reason) in [
        (json!({"typ": "JWT"}), &key, "type"),
        (json!({"typ": "at+jwt"}), &key, "type"),
        (json!({"typ": null}), &key, "malformed"),
        (json!({"alg": "ES256", "kid": "two"}), &curve, "algorithm"),
    ] {
        let before = reasons(&second)?.len();
        let mut head = header();
        for (name, value) in changes.as_object().into_iter().flatten() {
            head[name] = value.clone();
        }
        let token = signer.sign(&head, &claims(&empty()))?;
        assert_refused(arrive(&second, &token)?, "28000", "token_refused");
        assert_eq!(reasons(&second)?.split_off(before), [reason], "{changes}");
    }
    // Whatever it says beside, nobody gets a role or an attribute.
    let said = json!({"roles": ["Service"], "groups": ["x"], "attributes": {"region": "East"}, "app": {"region": "East"}});
    let session = arrive(&second, &key.sign(&header(), &claims(&said))?)??;
    let mut user = second.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, &session)?;
    let has: String = transaction
        .query_one(
            "SELECT concat_ws(' ', array_to_string((vpd.current_session()).roles, ','), vpd.attribute('app', 'region'))",
            &[],
        )?
        .get(0);
    assert_eq!(has, "Reader");
    Ok(())
}

#[test]
fn a_token_is_for_one_database_one_application_and_one_session() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, ", required_claims => '{\"pillar\": \"retail\"}'")?;
    let peter = Subject::new("peter").log_in(&first)?;
    let for_alice = act_for(&mut first.connect(role::BRIDGE)?, &peter, "alice")?;
    let elsewhere = super::sign_with(&first, &for_alice, "", "https://third.example")??;
    assert_refused(arrive(&second, &elsewhere)?, "28000", "token_refused");
    let token = sign(&first, &for_alice)?;
    let mut bridge = second.connect(role::BRIDGE)?;
    let floor = bridge.query("SELECT vpd.create_session_from_token($1, 'floor')", &[&token]);
    assert_refused(floor, "28000", "token_refused");
    // control: then once
    arrive(&second, &token)??;
    assert_refused(arrive(&second, &token)?, "28000", "token_refused");
    // Of another pillar, where that is asked for.
    let ledger = Subject::new("alice").app("ledger").log_in(&first)?;
    assert_refused(
        arrive(&second, &sign(&first, &ledger)?)?,
        "28000",
        "token_refused",
    );
    assert_eq!(
        reasons(&second)?,
        ["audience", "application", "spent", "claim_value"]
    );
    // The first database trusts nobody: its own token opens nothing there.
    assert_refused(arrive(&first, &sign(&first, &peter)?)?, "28000", "token_refused");
    Ok(())
}

/// Control: as a database it may say who acts. As an identity provider, with the same key, it may not, and is not understood at all.
#[test]
fn an_issuer_of_another_kind_names_no_actors() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    let peter = Subject::new("peter").log_in(&first)?;
    let for_alice = act_for(&mut first.connect(role::BRIDGE)?, &peter, "alice")?;
    arrive(&second, &sign(&first, &for_alice)?)??;
    let mut security = second.connect(role::SECURITY)?;
    for kind in ["identity", "access"] {
        security.execute("SELECT vpd.alter_issuer($1, kind => $2)", &[&FIRST, &kind])?;
        assert_refused(
            arrive(&second, &sign(&first, &for_alice)?)?,
            "28000",
            "token_refused",
        );
    }
    assert_eq!(reasons(&second)?, ["type", "type"]);
    for arguments in [
        "apps => '{}'",
        "apps => '{portal}', roles_claim => 'roles'",
        "apps => '{portal}', groups_claim => 'groups'",
        "apps => '{portal}', attribute_claims => '{\"app\": \"attributes\"}'",
        "apps => '{portal}', user_claim => 'email'",
        "apps => '{portal}', algorithms => '{ES256}'",
    ] {
        let call =
            format!("SELECT vpd.trust_issuer('{FIRST}', '{{{SECOND}}}', kind => 'database', {arguments})");
        assert_refused(security.query(&call, &[]), "22023", "argument_invalid");
    }
    // With a prefix everybody has it, so that nobody is taken for a user of this database.
    let prefixed = format!(
        "SELECT vpd.trust_issuer('{FIRST}', '{{{SECOND}}}', kind => 'database', apps => '{{portal}}', user_prefix => 'first/');
         SELECT vpd.define_user('first/alice'), vpd.define_user('first/peter'), vpd.grant_delegation('user:first/peter', 'user:first/alice')"
    );
    security.batch_execute(&prefixed)?;
    let session = arrive(&second, &sign(&first, &for_alice)?)??;
    let mut user = second.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    vpd_tests::attach(&mut transaction, &session)?;
    let who: String = transaction
        .query_one(
            "SELECT concat_ws(' ', vpd.user_name(), vpd.actor_chain(), vpd.audit_identity())",
            &[],
        )?
        .get(0);
    assert_eq!(who, "first/alice {first/peter} first/alice");
    Ok(())
}

/// Control: with both profiles it works. Whoever has the keys alone opens nothing, and whoever opens sessions alone has no key.
#[test]
fn a_key_steward_of_the_second_database_invents_nobody() -> Result<()> {
    let (one, other) = (cluster()?, cluster()?);
    let first = first(&one)?;
    let second = second(&other, &first, "")?;
    let mut admin = second.admin()?;
    admin.batch_execute("CREATE ROLE steward LOGIN; SELECT vpd.grant_profile('key_steward', 'steward')")?;
    let mut steward = second.connect("steward")?;
    let own = SigningKey::generate("EdDSA")?;
    steward.query(
        "SELECT vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&FIRST, &json!({"keys": [own.public("one")]}).to_string()],
    )?;
    let token = own.sign(
        &header(),
        &claims(&json!({"iss": FIRST, "act": {"sub": "peter"}})),
    )?;
    assert!(steward.query(super::CREATE, &[&token]).is_err());
    for attempt in [
        "SELECT vpd.rotate_signing_key()",
        "SELECT vpd.sign_identity('https://second.example')",
        "SELECT vpd.set_issuer_name('https://first.example')",
        "SELECT vpd.alter_issuer('https://first.example', apps => '{floor}')",
    ] {
        assert!(steward.batch_execute(attempt).is_err(), "{attempt}");
    }
    let mut bridge = second.connect(role::BRIDGE)?;
    let hand_in = bridge.query(
        "SELECT vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&FIRST, &json!({"keys": [own.public("one")]}).to_string()],
    );
    assert!(hand_in.is_err());
    arrive(&second, &token)??;
    Ok(())
}
