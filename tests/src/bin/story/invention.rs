//! Chapter: whoever has taken over the bridge, or the process with the keys, invents nobody. Both ask with their own password.

use vpd_tests::Result;
use vpd_tests::issuer::{SigningKey, claims};

use crate::connection::{ADMIN, BRIDGE, KEYS, connect, state};
use crate::script::Script;
use crate::stage::Stage;

const BY_NAME: &str = "SELECT vpd.create_session('bob', 'portal')";
const BY_TOKEN: &str = "SELECT vpd.create_session_from_token($1, 'portal')";

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Invention: SQL as the bridge, and as the process with the keys");
    let issuer = stage.login();
    let own = SigningKey::generate("ES256")?;
    let header = serde_json::json!({"alg": "ES256", "kid": "own"});
    let mut said = claims(&issuer, "bob");
    said["aud"] = "session-bridge".into();
    let forged = own.sign(&header, &said)?;
    let keys = serde_json::json!({"keys": [own.public("own")]}).to_string();
    let set = "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)";

    let mut bridge = connect(BRIDGE)?;
    let by_name = state(bridge.query(BY_NAME, &[]));
    script.answer("the bridge names a user and gets", &by_name, "SQLSTATE 42501")?;
    let by_token = state(bridge.query(BY_TOKEN, &[&forged]));
    script.answer(
        "it brings a token it signed itself and gets",
        &by_token,
        "SQLSTATE 28000",
    )?;
    let handed_in = state(bridge.query(set, &[&issuer, &keys]));
    script.answer("it hands in its key and gets", &handed_in, "SQLSTATE 42501")?;

    let mut steward = connect(KEYS)?;
    let by_steward = state(steward.query(BY_TOKEN, &[&forged]));
    script.answer(
        "who has the keys brings a token and gets",
        &by_steward,
        "SQLSTATE 42501",
    )?;

    // Rolled back, with everything.
    let mut admin = connect(ADMIN)?;
    let mut transaction = admin.transaction()?;
    transaction.batch_execute(
        "SELECT vpd.grant_profile('session_creator', 'vpd_bridge'); SET LOCAL ROLE vpd_bridge",
    )?;
    let trusted = state(transaction.query(BY_NAME, &[]));
    transaction.rollback()?;
    script.answer(
        "for contrast: a login service trusted by decision gets",
        &trusted,
        "no error",
    )?;

    let ended = "SELECT vpd.end_session(vpd.create_session_from_token($1, 'portal'))";
    let good = state(bridge.query(ended, &[&stage.identity_token("bob")?]));
    script.answer(
        "and the bridge, with a token that the provider signed",
        &good,
        "no error",
    )
}
