//! Tokens of others than us: the vectors of RFC 7515, 7519 and 8037 as they are printed, and the attacks that RFC 8725 tells of, against a database that trusts an issuer.
//!
//! Beside them stands the corpus of `identity_token`, in which one thing at a time is wrong. Invariant: each is refused with the one answer there is, and the trail tells why.

mod algorithm;
mod key;
mod purpose;
mod reading;
mod rfc;
mod scene;

use postgres::Client;
use serde_json::{Value, json};
use vpd_tests::issuer::reasons;
use vpd_tests::{Database, Result, assert_refused, role};

const ISSUER: &str = "https://joe.example";
const CREATE: &str = "SELECT vpd.create_session_from_token($1, 'portal')";

/// What is wrong with a token, the token, and the reason that must be recorded.
type Line = (String, String, &'static str);

/// Trusts an issuer with these keys.
fn trust(database: &Database<'_>, issuer: &str, keys: &[Value]) -> Result<()> {
    let trusting = format!("SELECT vpd.trust_issuer('{issuer}', '{{portal-client}}')");
    database.connect(role::SECURITY)?.batch_execute(&trusting)?;
    database.connect(role::KEYS)?.query(
        "SELECT vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&issuer, &json!({ "keys": keys }).to_string()],
    )?;
    Ok(())
}

fn log_in(client: &mut Client, token: &str) -> std::result::Result<String, postgres::Error> {
    client.query_one(CREATE, &[&token]).map(|row| row.get(0))
}

/// Brings every token, and compares what was recorded.
fn assert_recorded(database: &Database<'_>, lines: &[Line]) -> Result<()> {
    let before = reasons(database)?.len();
    let mut bridge = database.connect(role::WEB)?;
    let mut answers = Vec::new();
    for (what, token, _) in lines {
        let Err(error) = log_in(&mut bridge, token) else {
            return Err(format!("accepted: {what}").into());
        };
        answers.push(assert_refused::<String>(Err(error), "28000", "token_refused").text);
    }
    let recorded = reasons(database)?.split_off(before);
    assert_eq!(recorded.len(), lines.len());
    let faults: Vec<String> = lines
        .iter()
        .zip(recorded)
        .filter(|((.., reason), recorded)| reason != recorded)
        .map(|((what, _, reason), recorded)| format!("{what}: {recorded}, not {reason}"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    Ok(())
}
