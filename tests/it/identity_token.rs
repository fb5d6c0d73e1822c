//! Sessions from tokens of identity providers that the database verifies.

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, claims, encode, now, reasons};
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, assert_denied_to_all_but, assert_refused, attach, issue,
    outcome, redeem, role,
};

const ISSUER: &str = "https://idp.example/realm";
/// The role of a bridge, which has nothing but its profile.
const BRIDGE: &str = "narrow_bridge";
const CREATE: &str = "SELECT vpd.create_session_from_token($1, 'portal', $2)";

/// A database that trusts an issuer with one key, and that key.
struct Scene<'a> {
    database: Database<'a>,
    key: SigningKey,
    bridge: Client,
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "one", "typ": "JWT"})
}

/// A cluster of its own, because it has a role of its own.
fn cluster() -> Result<Cluster> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    cluster
        .connect("postgres", "postgres")?
        .batch_execute(&format!("CREATE ROLE {BRIDGE} LOGIN"))?;
    Ok(cluster)
}

fn scene<'a>(cluster: &'a Cluster, further: &str) -> Result<Scene<'a>> {
    let database = Database::create_in(cluster)?;
    let key = SigningKey::generate("ES256")?;
    let mut admin = database.admin()?;
    admin.batch_execute(&format!("SELECT vpd.grant_profile('bridge', '{BRIDGE}')"))?;
    database.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{ISSUER}', '{{portal-client,floor-client}}'{further})"
    ))?;
    set_keys(&mut admin, &[key.public("one")])?;
    let bridge = database.connect(BRIDGE)?;
    Ok(Scene {
        database,
        key,
        bridge,
    })
}

/// Hands keys in; returns what became of each.
fn set_keys(admin: &mut Client, keys: &[Value]) -> Result<Vec<(String, String)>> {
    let rows = admin.query(
        "SELECT kid, change FROM vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&ISSUER, &json!({"keys": keys}).to_string()],
    )?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn log_in(
    client: &mut Client,
    token: &str,
    nonce: Option<&str>,
) -> std::result::Result<String, postgres::Error> {
    client.query_one(CREATE, &[&token, &nonce]).map(|row| row.get(0))
}

impl Scene<'_> {
    fn token(&self, claims: &Value) -> Result<String> {
        self.key.sign(&header(), claims)
    }
}

/// What a session that a token opened says of itself.
fn told(database: &Database<'_>, token: &str, question: &str) -> Result<String> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, token)?;
    Ok(transaction.query_one(question, &[])?.get(0))
}

#[test]
fn a_token_opens_one_session_for_whom_it_names() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(
        &cluster,
        ", roles_claim => '/realm_access/roles', groups_claim => 'groups', user_prefix => 'idp/',
           attribute_claims => '{\"app\": \"attributes\", \"own\": {\"mail\": \"email\"}}', required_claims => '{\"email_verified\": true}'",
    )?;
    scene.database.admin()?.batch_execute(
        "SELECT vpd.define_group('buyers'); SELECT vpd.define_role('Buyer');
         SELECT vpd.grant_authority('role:Buyer', 'group:buyers')",
    )?;
    let mut said = claims(ISSUER, "alice");
    for (name, value) in [
        ("realm_access", json!({"roles": ["clerk"]})),
        ("groups", json!(["buyers", "unknown"])),
        ("attributes", json!({"region": "West", "stores": ["S1", "S2"]})),
        ("email", json!("alice@example.com")),
        ("email_verified", json!(true)),
        ("acr", json!("gold")),
        ("amr", json!(["otp"])),
        ("nonce", json!("n-1")),
    ] {
        said[name] = value;
    }
    let token = scene.token(&said)?;
    let session = log_in(&mut scene.bridge, &token, Some("n-1"))?;
    let answer = told(
        &scene.database,
        &session,
        "SELECT concat_ws(' ', vpd.user_name(), vpd.user_in_role('clerk'), vpd.user_in_role('Buyer'), vpd.attribute('app', 'region'),
                vpd.attribute('own', 'mail'), vpd.attribute('identity', 'issuer'), vpd.attribute('identity', 'acr'))",
    )?;
    assert_eq!(
        answer,
        format!("idp/alice t t West alice@example.com {ISSUER} gold")
    );
    // Used up, in whatever signature.
    assert_refused(
        log_in(&mut scene.bridge, &token, Some("n-1")),
        "28000",
        "token_refused",
    );
    let again = scene.key.sign(&header(), &said)?;
    assert_ne!(again, token);
    assert_refused(
        log_in(&mut scene.bridge, &again, Some("n-1")),
        "28000",
        "token_refused",
    );
    // An outcome that was taken back did not use it up.
    said["jti"] = json!("another");
    let other = scene.token(&said)?;
    let mut transaction = scene.bridge.transaction()?;
    transaction.query_one(CREATE, &[&other, &"n-1"])?;
    transaction.rollback()?;
    log_in(&mut scene.bridge, &other, Some("n-1"))?;
    Ok(())
}

#[test]
fn every_algorithm_works() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, "")?;
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        let key = SigningKey::generate(algorithm)?;
        set_keys(&mut scene.database.admin()?, &[key.public(algorithm)])?;
        let token = key.sign(
            &json!({"alg": algorithm, "kid": algorithm}),
            &claims(ISSUER, "alice"),
        )?;
        log_in(&mut scene.bridge, &token, None)?;
    }
    Ok(())
}

/// How a token is forged: what is changed in header or claims (NULL takes it away), and what is wrong with it then.
fn forgeries() -> Vec<(Value, Value, &'static str)> {
    let now = now();
    let mut table = Vec::new();
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "HS256"}),
        json!({"alg": "HS384"}),
        json!({"alg": "HS512"}),
        json!({"alg": "es256"}),
        json!({"alg": "ES512"}),
        json!({"alg": "RSA-OAEP"}),
        json!({"alg": ""}),
    ] {
        table.push((header, json!({}), "algorithm"));
    }
    for (header, reason) in [
        (json!({"alg": null}), "malformed"),
        (json!({"alg": 256}), "malformed"),
        (json!({"alg": ["ES256"]}), "malformed"),
        (json!({"kid": null}), "key_unnamed"),
        (json!({"kid": ""}), "key_unnamed"),
        (json!({"kid": "x".repeat(300)}), "key_unnamed"),
        (json!({"kid": ["one"]}), "malformed"),
        (json!({"kid": "other"}), "key_unknown"),
        (json!({"kid": "../../etc/passwd"}), "key_unknown"),
        (json!({"kid": "one' OR true --"}), "key_unknown"),
        (json!({"alg": "RS256"}), "key_unfit"),
        (json!({"alg": "ES384"}), "key_unfit"),
        (json!({"alg": "EdDSA"}), "key_unfit"),
        (json!({"typ": "at+jwt"}), "type"),
        (json!({"typ": "application/at+jwt"}), "type"),
        (json!({"typ": "logout+jwt"}), "type"),
        (json!({"typ": 7}), "malformed"),
        (json!({"crit": ["exp"]}), "critical_header"),
        (json!({"crit": ["b64"], "b64": false}), "critical_header"),
    ] {
        table.push((header, json!({}), reason));
    }
    for (claims, reason) in [
        (json!({"iss": null}), "issuer_unknown"),
        (json!({"iss": "https://other.example"}), "issuer_unknown"),
        (json!({"iss": format!("{ISSUER}/")}), "issuer_unknown"),
        (json!({"iss": "HTTPS://idp.example/realm"}), "issuer_unknown"),
        (json!({"iss": [ISSUER]}), "issuer_unknown"),
        (json!({"aud": null}), "claim_missing"),
        (json!({"aud": "other-client"}), "audience"),
        (json!({"aud": ""}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": ["other-client"]}), "audience"),
        (json!({"aud": {"portal-client": 1}}), "claim_type"),
        (json!({"aud": ["portal-client", 7]}), "claim_type"),
        (
            json!({"aud": ["portal-client", "other-client"]}),
            "authorized_party",
        ),
        (
            json!({"aud": ["portal-client", "other-client"], "azp": "other-client"}),
            "authorized_party",
        ),
        (json!({"azp": "other-client"}), "authorized_party"),
        (json!({"azp": 7}), "claim_type"),
        (json!({"exp": null}), "claim_missing"),
        (json!({"exp": "tomorrow"}), "claim_type"),
        (json!({"exp": -1}), "claim_type"),
        (json!({"exp": 9e18}), "claim_type"),
        (json!({"exp": now - 31, "iat": now - 60}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"nbf": now + 60}), "not_yet"),
        (json!({"nbf": true}), "claim_type"),
        (json!({"iat": null}), "claim_missing"),
        (json!({"iat": now + 60}), "issued_later"),
        (json!({"auth_time": now + 60}), "issued_later"),
        (json!({"iat": now - 631}), "too_old"),
        (json!({"iat": now - 86_400, "exp": now + 86_400}), "too_old"),
        (json!({"sub": null}), "claim_missing"),
        (json!({"sub": 7}), "claim_type"),
        (json!({"sub": ""}), "user"),
        (json!({"sub": " "}), "user"),
        (json!({"sub": "a\nb"}), "user"),
        (json!({"sub": "anonymous"}), "user"),
        (json!({"sub": "x".repeat(300)}), "user"),
        (json!({"act": {"sub": "peter"}}), "actor"),
        (json!({"acr": 1}), "claim_type"),
        (json!({"amr": "pwd"}), "claim_type"),
        (json!({"amr": [1]}), "claim_type"),
        (json!({"auth_time": "noon"}), "claim_type"),
        (json!({"verified": null}), "claim_missing"),
        (json!({"verified": false}), "claim_value"),
        (json!({"verified": "true"}), "claim_value"),
        (json!({"roles": {"a": 1}}), "claim_type"),
        (json!({"roles": [1]}), "claim_type"),
        (json!({"roles": [""]}), "claim_type"),
        (json!({"attributes": "West"}), "claim_type"),
        (json!({"attributes": {"region": {"name": "West"}}}), "claim_type"),
        (json!({"attributes": {"regions": [["West"]]}}), "claim_type"),
    ] {
        table.push((json!({}), claims, reason));
    }
    table
}

/// Puts changes in; NULL takes away.
fn changed(mut document: Value, changes: &Value) -> Value {
    if let (Some(members), Some(changes)) = (document.as_object_mut(), changes.as_object()) {
        for (name, value) in changes {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    document
}

#[test]
fn every_forged_token_is_refused_alike_and_each_for_its_own_reason() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(
        &cluster,
        ", required_claims => '{\"verified\": true}', roles_claim => 'roles', attribute_claims => '{\"app\": \"attributes\"}'",
    )?;
    let mut good = claims(ISSUER, "alice");
    good["verified"] = json!(true);
    let mut forged: Vec<(String, Option<&str>, &str)> = Vec::new();
    for (header_changes, claim_changes, reason) in forgeries() {
        let token = scene.key.sign(
            &changed(header(), &header_changes),
            &changed(good.clone(), &claim_changes),
        )?;
        forged.push((token, None, reason));
    }
    let stranger = SigningKey::generate("ES256")?;
    let whole = scene.token(&good)?;
    let parts: Vec<&str> = whole.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let other_body = encode(
        changed(good.clone(), &json!({"sub": "bob"}))
            .to_string()
            .as_bytes(),
    );
    let text = |claims: &str| scene.key.sign_text(&header(), header().to_string(), claims);
    let twice = format!("{{\"sub\":\"bob\",{}", &good.to_string()[1..]);
    for (token, nonce, reason) in [
        (stranger.sign(&header(), &good)?, None, "signature"),
        (format!("{head}.{other_body}.{signature}"), None, "signature"),
        (format!("{head}.{body}."), None, "signature"),
        (format!("{head}.{body}.{}", encode(&[0; 64])), None, "signature"),
        (format!("{head}.{body}.{}", encode(&[1; 63])), None, "signature"),
        (format!("{head}.{body}"), None, "malformed"),
        (
            format!("{head}.{body}.{signature}.{signature}"),
            None,
            "malformed",
        ),
        (format!("{head}.{body}.{signature}="), None, "malformed"),
        (format!(" {whole}"), None, "malformed"),
        (format!("{head}.{body}.{signature}\n"), None, "malformed"),
        (String::new(), None, "malformed"),
        ("..".to_owned(), None, "signature"),
        (text("[]")?, None, "malformed"),
        (text("{")?, None, "malformed"),
        (text("\u{0}")?, None, "malformed"),
        (text(&twice)?, None, "duplicate_member"),
        (
            text(&format!("{}{}", "[".repeat(200), "]".repeat(200)))?,
            None,
            "malformed",
        ),
        (
            format!("{head}.{}.{signature}", "A".repeat(1_000_000)),
            None,
            "too_long",
        ),
        (whole.clone(), Some("another login"), "nonce"),
        (
            scene.token(&changed(good.clone(), &json!({"nonce": "a"})))?,
            Some("b"),
            "nonce",
        ),
        (
            scene.token(&changed(good.clone(), &json!({"nonce": 7})))?,
            Some("7"),
            "claim_type",
        ),
    ] {
        forged.push((token, nonce, reason));
    }
    assert!(forged.len() >= 60, "{}", forged.len());
    let mut told = Vec::new();
    let mut faults = Vec::new();
    for (token, nonce, reason) in &forged {
        let before = reasons(&scene.database)?.len();
        let refused = log_in(&mut scene.bridge, token, *nonce);
        let refusal = assert_refused(refused, "28000", "token_refused");
        told.push(refusal.text);
        let recorded = reasons(&scene.database)?.split_off(before);
        if recorded != [*reason] {
            faults.push(format!(
                "{reason}: {recorded:?} for {}",
                &token[..token.len().min(200)]
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    // control: the one that they were made from
    log_in(&mut scene.bridge, &whole, None)?;
    Ok(())
}

#[test]
fn whoever_has_the_bridge_invents_nobody() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, "")?;
    // control: with the profile for login services it can
    let create = "SELECT vpd.create_session('alice', 'portal')";
    let mut trusted = scene.database.connect(role::BRIDGE)?;
    assert!(outcome(trusted.query_one(create, &[])).is_ok());
    for attempt in [
        create,
        "SELECT vpd.set_issuer_keys('x', '{}')",
        "SELECT vpd.trust_issuer('https://evil.example', '{x}')",
        "SELECT vpd.alter_issuer('https://idp.example/realm', audiences => '{x}')",
        "INSERT INTO vpd_private.issuer_key (issuer, kid, thumbprint, key) VALUES ('x', 'x', 'x', '{}')",
        "DELETE FROM vpd_private.identity_token",
        "INSERT INTO vpd_private.session_token SELECT * FROM vpd_private.session_token",
        "SET ROLE postgres",
    ] {
        let refused = scene.bridge.batch_execute(attempt);
        assert!(refused.is_err(), "{attempt}");
    }
    let stranger = SigningKey::generate("ES256")?.sign(&header(), &claims(ISSUER, "alice"))?;
    assert_refused(
        log_in(&mut scene.bridge, &stranger, None),
        "28000",
        "token_refused",
    );
    // A steward of keys has keys, and no way to a session.
    let mut admin = scene.database.admin()?;
    admin.batch_execute("CREATE ROLE steward LOGIN; SELECT vpd.grant_profile('key_steward', 'steward')")?;
    let mut steward = scene.database.connect("steward")?;
    let own = SigningKey::generate("ES256")?;
    set_keys(&mut steward, &[own.public("one")])?;
    let forged = own.sign(&header(), &claims(ISSUER, "alice"))?;
    for attempt in [create, "SELECT vpd.trust_issuer('https://evil.example', '{x}')"] {
        assert!(steward.batch_execute(attempt).is_err(), "{attempt}");
    }
    assert!(log_in(&mut steward, &forged, None).is_err());
    Ok(())
}

#[test]
fn of_a_thousand_who_bring_a_token_one_wins() -> Result<()> {
    let cluster = cluster()?;
    let scene = scene(&cluster, "")?;
    let token = scene.token(&claims(ISSUER, "alice"))?;
    let won: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let mut bridge = scene.database.connect(BRIDGE)?;
                    let won = (0..50)
                        .filter(|_| log_in(&mut bridge, &token, None).is_ok())
                        .count();
                    Ok(won)
                })
            })
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().map_err(|_| "a racer panicked")?)
            .sum::<Result<usize>>()
    })?;
    assert_eq!(won, 1);
    let sessions: i64 = scene
        .database
        .admin()?
        .query_one("SELECT count(*) FROM vpd.sessions", &[])?
        .get(0);
    assert_eq!(sessions, 1);
    Ok(())
}

#[test]
fn keys_come_and_go() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, ", key_grace => '6 seconds'")?;
    let mut admin = scene.database.admin()?;
    let two = SigningKey::generate("EdDSA")?;
    let told = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(id, change)| ((*id).to_owned(), (*change).to_owned()))
            .collect()
    };
    let (one, second) = (scene.key.public("one"), two.public("two"));
    assert_eq!(
        set_keys(&mut admin, &[one.clone(), second.clone()])?,
        told(&[("one", "kept"), ("two", "added")])
    );
    assert_eq!(
        set_keys(&mut admin, std::slice::from_ref(&second))?,
        told(&[("two", "kept"), ("one", "retired")])
    );
    // For a while it is accepted, then no more.
    let token = scene.token(&claims(ISSUER, "alice"))?;
    log_in(&mut scene.bridge, &token, None)?;
    admin
        .batch_execute("UPDATE vpd_private.issuer_key SET retired_at = retired_at - interval '7 seconds'")?;
    let late = scene.token(&claims(ISSUER, "alice"))?;
    assert_refused(log_in(&mut scene.bridge, &late, None), "28000", "token_refused");
    assert_eq!(reasons(&scene.database)?, ["key_unknown"]);
    let accepted = "SELECT string_agg(kid || ' ' || is_accepted, ',' ORDER BY kid) FROM vpd.issuer_keys";
    assert_eq!(
        admin.query_one(accepted, &[])?.get::<_, String>(0),
        "one false,two true"
    );
    assert_eq!(
        set_keys(&mut admin, &[one, second])?,
        told(&[("one", "restored"), ("two", "kept")])
    );
    // Another key of the same name takes its place at once.
    let other = SigningKey::generate("ES256")?;
    assert_eq!(
        set_keys(
            &mut admin,
            &[
                other.public("one"),
                json!({"kty": "RSA", "use": "enc", "kid": "e"})
            ]
        )?,
        told(&[
            ("one", "replaced"),
            ("e", "skipped: not for signatures"),
            ("two", "retired")
        ])
    );
    assert_refused(log_in(&mut scene.bridge, &late, None), "28000", "token_refused");
    for bad in [
        json!([]),
        json!([{"kty": "oct", "k": "AAAA", "kid": "a"}]),
        json!([scene.key.public("a"), scene.key.public("a")]),
        json!([changed(scene.key.public("a"), &json!({"d": "AAAA"}))]),
    ] {
        let refused = admin.query(
            "SELECT vpd.set_issuer_keys($1, $2::text::jsonb)",
            &[&ISSUER, &json!({"keys": bad}).to_string()],
        );
        assert_refused(refused, "22023", "argument_invalid");
    }
    assert_refused(
        admin.query(
            "SELECT vpd.set_issuer_keys('https://other.example', '{\"keys\": []}')",
            &[],
        ),
        "42704",
        "issuer_not_found",
    );
    Ok(())
}

#[test]
fn whom_an_issuer_is_trusted_for_can_change() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, ", apps => '{floor}'")?;
    let mut security = scene.database.connect(role::SECURITY)?;
    let token = scene.token(&claims(ISSUER, "alice"))?;
    assert_refused(log_in(&mut scene.bridge, &token, None), "28000", "token_refused");
    assert_eq!(reasons(&scene.database)?, ["application"]);
    security.execute("SELECT vpd.alter_issuer($1, apps => '{}')", &[&ISSUER])?;
    let session = log_in(&mut scene.bridge, &token, None)?;
    // What comes out of it ends with it; who logged in otherwise stays.
    let ticket = issue(&mut scene.bridge, &session, "ledger")?;
    let below = redeem(&mut scene.bridge, &ticket, "ledger")?.ok_or("no session")?;
    let other = vpd_tests::Subject::new("bob").log_in(&scene.database)?;
    // One that is being made while it is distrusted is dead when it is there.
    let mut open = scene.database.connect(BRIDGE)?;
    let mut making = open.transaction()?;
    let unborn: String = making
        .query_one(CREATE, &[&scene.token(&claims(ISSUER, "carl"))?, &None::<String>])?
        .get(0);
    let ended: i64 = security
        .query_one("SELECT vpd.distrust_issuer($1)", &[&ISSUER])?
        .get(0);
    assert_eq!(ended, 2);
    making.commit()?;
    let mut user = scene.database.connect(role::USER)?;
    for token in [&session, &below, &unborn] {
        assert_refused(attach(&mut user, token), "28000", "session_invalid");
    }
    attach(&mut user, &other)?;
    assert_refused(
        security.query("SELECT vpd.distrust_issuer($1)", &[&ISSUER]),
        "42704",
        "issuer_not_found",
    );
    Ok(())
}

#[test]
fn an_application_can_demand_how_its_users_log_in() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, "")?;
    scene.database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.register_app('floor', 'retail', required_acr => '{gold,silver}', max_auth_age => '1 hour', max_sessions_per_user => 100)",
    )?;
    let token = scene.token(&claims(ISSUER, "alice"))?;
    let weak = log_in(&mut scene.bridge, &token, None)?;
    let mut said = claims(ISSUER, "alice");
    said["acr"] = json!("gold");
    let token = scene.token(&said)?;
    let strong = log_in(&mut scene.bridge, &token, None)?;
    said["jti"] = json!("old");
    said["auth_time"] = json!(now() - 4_000);
    let token = scene.token(&said)?;
    let old = log_in(&mut scene.bridge, &token, None)?;
    for (session, is_enough) in [(&weak, false), (&old, false), (&strong, true)] {
        let ticket = issue(&mut scene.bridge, session, "floor")?;
        let redeemed = redeem(&mut scene.bridge, &ticket, "floor");
        if is_enough {
            assert!(redeemed?.is_some());
        } else {
            assert_refused(redeemed, "28000", "assurance_insufficient");
        }
    }
    let direct = "SELECT vpd.create_session_from_token($1, 'floor')";
    let token = scene.token(&claims(ISSUER, "alice"))?;
    assert_refused(
        scene.bridge.query(direct, &[&token]),
        "28000",
        "assurance_insufficient",
    );
    Ok(())
}

#[test]
fn issuers_that_make_no_sense_are_refused() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    for arguments in [
        "'idp', '{x}'",
        "'http://idp.example', '{x}'",
        "'https://idp.example?x', '{x}'",
        "NULL, '{x}'",
        "'https://idp.example', '{}'",
        "'https://idp.example', '{\"\"}'",
        "'https://idp.example', '{x,NULL}'",
        "'https://idp.example', NULL",
        "'https://idp.example', '{x}', algorithms => '{HS256}'",
        "'https://idp.example', '{x}', algorithms => '{none}'",
        "'https://idp.example', '{x}', algorithms => '{}'",
        "'https://idp.example', '{x}', kind => 'refresh'",
        "'https://idp.example', '{x}', clock_skew => '6 minutes'",
        "'https://idp.example', '{x}', clock_skew => '-1 second'",
        "'https://idp.example', '{x}', max_age => '0'",
        "'https://idp.example', '{x}', max_age => '2 days'",
        "'https://idp.example', '{x}', key_grace => '1 year'",
        "'https://idp.example', '{x}', required_claims => '[]'",
        "'https://idp.example', '{x}', required_claims => '{\"a\": {}}'",
        "'https://idp.example', '{x}', user_claim => ''",
        "'https://idp.example', '{x}', user_claim => '/a~'",
        "'https://idp.example', '{x}', roles_claim => '/~2'",
        "'https://idp.example', '{x}', attribute_claims => '{\"identity\": \"x\"}'",
        "'https://idp.example', '{x}', attribute_claims => '{\"app\": 7}'",
    ] {
        let refused = security.query(&format!("SELECT vpd.trust_issuer({arguments})"), &[]);
        assert_refused(refused, "22023", "argument_invalid");
    }
    assert_refused(
        security.query(
            "SELECT vpd.trust_issuer('https://idp.example', '{x}', apps => '{nowhere}')",
            &[],
        ),
        "42704",
        "app_not_found",
    );
    assert_refused(
        security.query(
            "SELECT vpd.alter_issuer('https://idp.example', kind => 'access')",
            &[],
        ),
        "42704",
        "issuer_not_found",
    );
    let count: i64 = security
        .query_one("SELECT count(*) FROM vpd.issuers", &[])?
        .get(0);
    assert_eq!(count, 0);
    // control: and twice is once
    for _ in 0..2 {
        security.execute("SELECT vpd.trust_issuer('https://idp.example', '{x}')", &[])?;
    }
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.trust_issuer('https://a.example', '{x}')",
            "SELECT vpd.alter_issuer('https://a.example')",
            "SELECT vpd.distrust_issuer('https://a.example')",
        ],
    )?;
    Ok(())
}

#[test]
fn what_an_issuer_may_say_goes_no_further_by_a_handoff() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, ", apps => '{portal}'")?;
    let session = {
        let token = scene.token(&claims(ISSUER, "alice"))?;
        log_in(&mut scene.bridge, &token, None)?
    };
    let ticket = issue(&mut scene.bridge, &session, "floor")?;
    assert_refused(
        redeem(&mut scene.bridge, &ticket, "floor"),
        "28000",
        "issuer_not_for_app",
    );
    // control: it speaks for both
    scene.database.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.alter_issuer('{ISSUER}', apps => '{{portal,floor}}')"
    ))?;
    let ticket = issue(&mut scene.bridge, &session, "floor")?;
    assert!(redeem(&mut scene.bridge, &ticket, "floor")?.is_some());
    Ok(())
}

#[test]
fn a_token_that_does_not_tell_when_is_not_recent() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, "")?;
    scene.database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.register_app('portal', pillar => 'retail', max_auth_age => '5 minutes')",
    )?;
    let mut said = claims(ISSUER, "alice");
    said.as_object_mut().ok_or("no claims")?.remove("auth_time");
    let silent = scene.token(&said)?;
    assert_refused(
        log_in(&mut scene.bridge, &silent, None),
        "28000",
        "assurance_insufficient",
    );
    // control: one that tells
    said["auth_time"] = json!(now());
    said["jti"] = json!("another");
    let telling = scene.token(&said)?;
    log_in(&mut scene.bridge, &telling, None)?;
    Ok(())
}

#[test]
fn whoever_hands_in_keys_holds_up_no_distrust() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, "")?;
    let session = {
        let token = scene.token(&claims(ISSUER, "alice"))?;
        log_in(&mut scene.bridge, &token, None)?
    };
    let mut admin = scene.database.admin()?;
    admin.batch_execute("BEGIN")?;
    set_keys(&mut admin, &[SigningKey::generate("ES256")?.public("two")])?;
    let mut security = scene.database.connect(role::SECURITY)?;
    security.batch_execute(&format!(
        "SET lock_timeout = '5s'; SELECT vpd.distrust_issuer('{ISSUER}')"
    ))?;
    let mut user = scene.database.connect(role::USER)?;
    assert_refused(attach(&mut user, &session), "28000", "session_invalid");
    admin.batch_execute("COMMIT")?;
    // Keys that came late are accepted by nobody, and gone when the issuer is trusted again.
    security.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{ISSUER}', '{{portal-client,floor-client}}')"
    ))?;
    let left = admin.query_one("SELECT count(*) FROM vpd.issuer_keys", &[])?;
    assert_eq!(left.get::<_, i64>(0), 0);
    Ok(())
}

#[test]
fn a_key_that_is_for_another_algorithm_now_is_another_key() -> Result<()> {
    let cluster = cluster()?;
    let scene = scene(&cluster, "")?;
    let mut admin = scene.database.admin()?;
    let mut key = SigningKey::generate("RS256")?.public("rsa");
    set_keys(&mut admin, std::slice::from_ref(&key))?;
    key["alg"] = json!("PS256");
    let changes = set_keys(&mut admin, std::slice::from_ref(&key))?;
    assert_eq!(changes, [("rsa".to_owned(), "replaced".to_owned())]);
    let small = json!({"kty": "OKP", "crv": "Ed25519", "kid": "small", "x": encode(&[&[1_u8][..], &[0; 31]].concat())});
    assert!(set_keys(&mut admin, &[small]).is_err());
    Ok(())
}

#[test]
fn what_cannot_be_stored_is_refused_as_any_bad_token() -> Result<()> {
    let cluster = cluster()?;
    let mut scene = scene(&cluster, ", attribute_claims => '{\"app\": \"attributes\"}'")?;
    for bad in [
        json!({"acr": ""}),
        json!({"acr": "x".repeat(300)}),
        json!({"acr": "a\u{0}b"}),
        json!({"amr": ["a\u{0}b"]}),
        json!({"attributes": {"a": "b\u{0}"}}),
        json!({"attributes": {"a\u{0}": "b"}}),
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
    ] {
        let token = scene.token(&changed(claims(ISSUER, "alice"), &bad))?;
        assert_refused(log_in(&mut scene.bridge, &token, None), "28000", "token_refused");
    }
    Ok(())
}
