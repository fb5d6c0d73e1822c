//! Identity that travels from a database to another by a signed token: who somebody is, who acts for him, whose name is written down, and nothing else.

mod arrival;
mod forged;
mod handed_out;
mod key;
mod said;

use postgres::GenericClient;
use serde_json::{Value, json};
use vpd_tests::{Cluster, Database, Extension, Library, Result, attach, role};

use crate::authority::define;
use crate::bridge::stage::AUDIENCE;

/// The names that the two databases know each other by.
const FIRST: &str = "https://first.example";
const SECOND: &str = AUDIENCE;

const CREATE: &str = "SELECT vpd.create_session_from_token($1, 'portal')";

/// Users of both, and who may act for whom.
const PEOPLE: &str = "
SELECT vpd.define_user(name) FROM unnest('{alice,peter,carol,robot}'::text[]) name;
SELECT vpd.define_resource('session');
SELECT vpd.define_privilege('session:set_audit_identity');
SELECT vpd.define_role('Service');
SELECT vpd.grant_authority('privilege:session:set_audit_identity', 'role:Service'), vpd.grant_authority('role:Service', 'user:robot');
SELECT vpd.grant_delegation('user:peter', 'user:alice', with_full_authority => true);
SELECT vpd.grant_delegation('user:carol', 'user:peter', with_full_authority => true);
";

fn cluster() -> Result<Cluster> {
    Cluster::start(&Extension::debug()?, Library::Preloaded, "")
}

/// A database that says who its users are.
fn first(cluster: &Cluster) -> Result<Database<'_>> {
    let database = Database::create_in(cluster)?;
    define(&database, PEOPLE)?;
    define(
        &database,
        &format!(
            "SELECT vpd.define_role('Writer'), vpd.grant_authority('role:Writer', 'user:alice'); SELECT vpd.set_issuer_name('{FIRST}')"
        ),
    )?;
    Ok(database)
}

/// A database that believes it, with a table that says who made each row.
fn second<'a>(cluster: &'a Cluster, first: &Database<'_>, further: &str) -> Result<Database<'a>> {
    let database = Database::create_in(cluster)?;
    define(&database, PEOPLE)?;
    define(
        &database,
        &format!(
            "SELECT vpd.define_role('Reader'), vpd.grant_authority('role:Reader', 'user:alice');
             SELECT vpd.trust_issuer('{FIRST}', '{{{SECOND}}}', apps => '{{portal}}', kind => 'database'{further})"
        ),
    )?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC; CREATE TABLE shop.notes (id integer PRIMARY KEY);
         GRANT SELECT, INSERT ON shop.notes TO app_user; SELECT vpd.track_changes('shop.notes')",
    )?;
    hand_over_keys(first, &database)?;
    Ok(database)
}

/// What a key steward does: takes the keys of the one to the other.
fn hand_over_keys(first: &Database<'_>, second: &Database<'_>) -> Result<()> {
    let keys = public_keys(&mut first.connect(role::AUDITOR)?)?;
    second.admin()?.query(
        "SELECT vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&FIRST, &keys.to_string()],
    )?;
    Ok(())
}

fn public_keys(client: &mut impl GenericClient) -> Result<Value> {
    let keys: String = client.query_one("SELECT vpd.public_keys()::text", &[])?.get(0);
    Ok(serde_json::from_str(&keys)?)
}

/// The identifiers in a set of keys.
fn key_ids(keys: &Value) -> Vec<String> {
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The token of a session for the second database.
fn sign(database: &Database<'_>, session: &str) -> Result<String> {
    Ok(sign_with(database, session, "", SECOND)??)
}

/// The same after some statements.
fn sign_with(
    database: &Database<'_>,
    session: &str,
    before: &str,
    audience: &str,
) -> Result<std::result::Result<String, postgres::Error>> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, session)?;
    transaction.batch_execute(before)?;
    let signed = transaction
        .query_one("SELECT vpd.sign_identity($1)", &[&audience])
        .map(|row| row.get(0));
    transaction.commit()?;
    Ok(signed)
}

/// Opens a session with a token, as a bridge does.
fn arrive(database: &Database<'_>, token: &str) -> Result<std::result::Result<String, postgres::Error>> {
    let mut bridge = database.connect(role::BRIDGE)?;
    Ok(bridge.query_one(CREATE, &[&token]).map(|row| row.get(0)))
}

/// Header and claims of a token.
fn read(token: &str) -> Result<(Value, Value)> {
    let parts: Vec<&str> = token.split('.').collect();
    let part = |number: usize| -> Result<Value> {
        let text = vpd_tests::issuer::decode(parts.get(number).ok_or("no such part")?)?;
        Ok(serde_json::from_slice(&text)?)
    };
    Ok((part(0)?, part(1)?))
}

/// A text that a query gives.
fn told(client: &mut impl GenericClient, question: &str) -> Result<String> {
    Ok(client.query_one(question, &[])?.get(0))
}

fn empty() -> Value {
    json!({})
}
