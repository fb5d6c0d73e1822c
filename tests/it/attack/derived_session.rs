//! What comes out of a session, by handing it over or by acting for somebody, has every limit of the session.

use postgres::Client;
use serde_json::{Map, Value};
use vpd_tests::{Database, Result, Subject, act_for, attach, create_orders, issue, redeem, role};

use crate::authority::define;

const SCENE: &str = "
SELECT vpd.define_resource('session');
SELECT vpd.define_privilege(name) FROM unnest('{read,write,pay,session:on_behalf}'::text[]) name;
SELECT vpd.define_role('Reader'), vpd.define_role('Writer'), vpd.define_role('Payer'), vpd.define_role('Help Desk');
SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('privilege:write', 'role:Writer'),
       vpd.grant_authority('privilege:pay', 'role:Payer'), vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk');
SELECT vpd.define_user(name) FROM unnest('{alice,henry,peter}'::text[]) name;
SELECT vpd.grant_authority('role:' || name, 'user:alice') FROM unnest('{Reader,Writer,Payer}'::text[]) name;
SELECT vpd.grant_authority('role:' || name, 'user:peter') FROM unnest('{Reader,Writer}'::text[]) name;
SELECT vpd.grant_authority('role:' || name, 'user:henry') FROM unnest('{Reader,Help Desk}'::text[]) name;
SELECT vpd.grant_delegation('user:peter', 'user:alice', with_full_authority => true);
SELECT vpd.register_app('books', 'finance', max_sessions_per_user => 100);
";

/// Why a column of a session is another in what is handed over to another pillar.
const NEW_IN_HANDOFF: [(&str, &str); 14] = [
    ("id", "a session of its own"),
    ("parent_id", "the session it came out of"),
    ("pillar", "that of the target"),
    ("app", "the target"),
    ("made_in", "what was ended before counts not"),
    ("created_at", "its own; the clocks of the first session count"),
    ("roles", "the identity goes over and no claim"),
    ("privileges", "the identity goes over and no claim"),
    ("attributes", "the identity goes over and no attribute"),
    ("claimed_groups", "the identity goes over and no claim"),
    ("issuer", "whoever distrusts it ends the session above"),
    ("provider_subject", "a logout there ends the session above"),
    ("provider_session", "a logout there ends the session above"),
    ("logout_hint", "it is asked for by the session above"),
];

/// The same for a session on behalf of somebody.
const NEW_ON_BEHALF: [(&str, &str); 17] = [
    ("id", "a session of its own"),
    ("parent_id", "the session it came out of"),
    ("made_in", "what was ended before counts not"),
    ("created_at", "its own; the clocks of the first session count"),
    ("roles", "the login brought them for the actor"),
    ("privileges", "the login brought them for the actor"),
    ("attributes", "given for the user"),
    ("claimed_groups", "the token brought them for the actor"),
    ("issuer", "whoever distrusts it ends the session above"),
    ("provider_subject", "a logout there ends the session above"),
    ("provider_session", "a logout there ends the session above"),
    ("logout_hint", "it is asked for by the session above"),
    ("user_name", "the user"),
    ("audit_identity", "the user; the actors are named beside him"),
    ("actors", "one more"),
    (
        "actor_session_id",
        "the session it came out of, whose limits are asked there: its one role, its own actor",
    ),
    ("assumed_role", "a role of the actor, asked for in his session"),
];

/// What is the same in every session that is open, so that nothing tells whether it was inherited.
const OF_ENDED: [&str; 2] = ["ended_at", "end_reason"];

/// May be this or that, and is inherited or given.
const GIVEN: [&str; 2] = ["acts_fully", "last_access_at"];

fn scene() -> Result<(Database<'static>, Client)> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    let bridge = database.connect(role::BRIDGE)?;
    Ok((database, bridge))
}

fn hand_over(bridge: &mut Client, token: &str, target: &str) -> Result<String> {
    let ticket = issue(bridge, token, target)?;
    Ok(redeem(bridge, &ticket, target)?.ok_or("not redeemed")?)
}

fn row(admin: &mut Client, token: &str) -> Result<Map<String, Value>> {
    let row = "SELECT to_jsonb(s)
                 FROM vpd_private.session s
                 JOIN vpd_private.session_token t ON t.session_id = s.id
                WHERE t.token_hash = sha256(convert_to($1, 'UTF8'))";
    match admin.query_one(row, &[&token])?.get(0) {
        Value::Object(columns) => Ok(columns),
        other => Err(format!("no row: {other}").into()),
    }
}

fn privileges(database: &Database<'_>, token: &str) -> Result<Vec<String>> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, token)?;
    let row = transaction.query_one("SELECT privileges FROM vpd.current_session()", &[])?;
    Ok(row.get(0))
}

#[test]
fn control_a_copy_that_names_its_columns_forgets_one() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE shop.session (id integer, user_name text, assumed_role text);
         INSERT INTO shop.session VALUES (1, 'alice', 'Reader');
         INSERT INTO shop.session (id, user_name) SELECT 2, user_name FROM shop.session",
    )?;
    let wide = admin.query(
        "SELECT FROM shop.session WHERE id = 2 AND assumed_role IS NULL",
        &[],
    )?;
    assert_eq!(wide.len(), 1);
    Ok(())
}

#[test]
fn every_column_is_inherited_or_said_not_to_be() -> Result<()> {
    let (database, mut bridge) = scene()?;
    let mut admin = database.admin()?;
    let peter = Subject::new("peter").log_in(&database)?;
    let source = hand_over(&mut bridge, &peter, "ledger")?;
    // Something in every column, and nothing that a new session would have.
    admin.batch_execute(
        "UPDATE vpd_private.session
            SET audit_identity = 'clerk', acting_for = 'carol', actors = '{henry}', assumed_role = 'Reader',
                roles = '{Claimed}', privileges = '{claimed}', attributes = '{\"app\": {\"region\": \"West\"}}',
                language = 'de', territory = 'CH', date_format = 'YYYY', number_format = '9G999', client_address = '192.0.2.7',
                acr = 'gold', issuer = 'https://idp.example', provider_subject = 'p', provider_session = 's', logout_hint = 'eyJ', claimed_groups = '{buyers}', user_agent = 'curl', auth_time = auth_time - interval '1 hour', created_at = created_at - interval '1 minute',
                idle_timeout = '17 minutes', expires_at = expires_at - interval '1 hour', acts_fully = true
          WHERE parent_id IS NOT NULL;
         UPDATE vpd_private.session c SET actor_session_id = r.id FROM vpd_private.session r WHERE c.root_id = r.id AND c.id <> r.id;
         INSERT INTO vpd_private.session_use SELECT id, clock_timestamp() FROM vpd_private.session;
         SELECT vpd.grant_delegation('user:peter', 'user:peter')",
    )?;
    let parent = row(&mut admin, &source)?;
    let handed_over = hand_over(&mut bridge, &source, "portal")?;
    let handed_over = row(&mut admin, &handed_over)?;
    let on_behalf = act_for(&mut bridge, &source, "alice")?;
    let on_behalf = row(&mut admin, &on_behalf)?;
    for (child, listed) in [
        (&handed_over, &NEW_IN_HANDOFF[..]),
        (&on_behalf, &NEW_ON_BEHALF[..]),
    ] {
        for (column, value) in &parent {
            if OF_ENDED.contains(&column.as_str()) || GIVEN.contains(&column.as_str()) {
                continue;
            }
            assert!(!value.is_null(), "give {column} a value here");
            let is_listed = listed.iter().any(|(name, _)| name == column);
            // Two may be equal by chance, or since nothing was ended yet.
            assert!(
                is_listed || child[column] == *value,
                "{column} is not inherited: {} of {value}",
                child[column]
            );
        }
        for (name, _) in listed {
            assert!(parent.contains_key(*name), "{name} is no column");
        }
    }
    assert_eq!(handed_over["acts_fully"], Value::Bool(true));
    assert_eq!(on_behalf["parent_id"], parent["id"]);
    assert_eq!(on_behalf["actor_session_id"], parent["id"]);
    assert_eq!(on_behalf["acts_fully"], Value::Bool(false));
    Ok(())
}

#[test]
fn a_session_with_one_role_keeps_to_it_in_every_pillar() -> Result<()> {
    let (database, mut bridge) = scene()?;
    let create = "SELECT vpd.create_session('peter', 'portal', assumed_role => $1)";
    // control: all that he has
    let whole: String = bridge.query_one(create, &[&None::<String>])?.get(0);
    let whole = hand_over(&mut bridge, &whole, "ledger")?;
    assert_eq!(privileges(&database, &whole)?, ["read", "write"]);
    // attack: the tool's session goes to another pillar, and on, and back
    let tool: String = bridge.query_one(create, &[&"Reader"])?.get(0);
    let ledger = hand_over(&mut bridge, &tool, "ledger")?;
    let books = hand_over(&mut bridge, &ledger, "books")?;
    let portal = hand_over(&mut bridge, &books, "portal")?;
    for token in [&tool, &ledger, &books, &portal] {
        assert_eq!(privileges(&database, token)?, ["read"]);
    }
    Ok(())
}

#[test]
fn a_session_with_one_role_acts_fully_from_no_pillar() -> Result<()> {
    let (database, mut bridge) = scene()?;
    let create = "SELECT vpd.create_session('peter', 'portal', assumed_role => $1)";
    // control: who has all his roles acts fully, from another pillar too
    let whole: String = bridge.query_one(create, &[&None::<String>])?.get(0);
    let whole = hand_over(&mut bridge, &whole, "ledger")?;
    let as_alice = act_for(&mut bridge, &whole, "alice")?;
    assert_eq!(privileges(&database, &as_alice)?, ["pay", "read", "write"]);
    let tool: String = bridge.query_one(create, &[&"Reader"])?.get(0);
    let tool = hand_over(&mut bridge, &tool, "ledger")?;
    let as_alice = act_for(&mut bridge, &tool, "alice")?;
    assert_eq!(privileges(&database, &as_alice)?, ["read"]);
    let as_alice = hand_over(&mut bridge, &as_alice, "portal")?;
    assert_eq!(privileges(&database, &as_alice)?, ["read"]);
    Ok(())
}

#[test]
fn a_limited_session_on_behalf_stays_limited_in_every_pillar() -> Result<()> {
    let (database, mut bridge) = scene()?;
    let henry = Subject::new("henry").log_in(&database)?;
    let as_peter = act_for(&mut bridge, &henry, "peter")?;
    let as_peter = hand_over(&mut bridge, &as_peter, "ledger")?;
    assert_eq!(privileges(&database, &as_peter)?, ["read"]);
    let as_alice = act_for(&mut bridge, &as_peter, "alice")?;
    assert_eq!(privileges(&database, &as_alice)?, ["read"]);
    Ok(())
}

#[test]
fn a_session_that_acts_for_somebody_names_him_in_all_that_comes_out_of_it() -> Result<()> {
    let (database, mut bridge) = scene()?;
    let create = "SELECT vpd.create_session('peter', 'portal', acting_for => 'carol')";
    let peter: String = bridge.query_one(create, &[])?.get(0);
    let as_alice = act_for(&mut bridge, &peter, "alice")?;
    let ledger = hand_over(&mut bridge, &as_alice, "ledger")?;
    let mut admin = database.admin()?;
    for token in [&peter, &as_alice, &ledger] {
        assert_eq!(row(&mut admin, token)?["acting_for"], Value::from("carol"));
    }
    Ok(())
}
