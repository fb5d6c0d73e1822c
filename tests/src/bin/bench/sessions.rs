//! What attaching a session costs.

use postgres::Statement;
use vpd_tests::{Result, Subject, role};

use crate::contest::{Pace, Side, Target, compare, repeat};
use crate::scene::{REGION, Scene};
use crate::table;

/// Users that take turns on a connection where not one alone uses it.
const USERS: usize = 1_000;

/// Measures P-8 and P-11, for one user and for many.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-8") && !wanted("P-11") {
        return Ok(());
    }
    let mut bridge = scene.database.connect(role::BRIDGE)?;
    let mut many = vec![];
    for number in 0..USERS {
        many.push(Subject::in_region(&format!("user{number}"), REGION).log_in_with(&mut bridge)?);
    }
    let one = vec![scene.token.clone()];
    for (who, tokens) in [("one user", &one), ("1 000 users in turn", &many)] {
        if wanted("P-8") {
            let target = Target::Rate(0.80);
            let outcome = compare(pace, target, attached_read(scene, tokens)?, set_read(scene)?)?;
            table::print(
                "P-8",
                &format!("BEGIN attach read COMMIT : set_config, {who}"),
                target,
                &outcome,
            );
        }
        if wanted("P-11") {
            let target = Target::Rate(0.50);
            let outcome = compare(pace, target, attach(scene, tokens)?, look_up(scene, tokens)?)?;
            table::print(
                "P-11",
                &format!("attach_session : SELECT by hash, {who}"),
                target,
                &outcome,
            );
        }
    }
    Ok(())
}

/// Begin, say who it is, read one row, commit: four round trips, whatever says who it is.
fn transaction<'a>(
    scene: &Scene<'_>,
    identify: &str,
    identities: &'a [String],
    table: &str,
) -> Result<Side<'a>> {
    let mut user = scene.database.connect(role::USER)?;
    let mut prepare = |text: &str| -> Result<Statement> { Ok(user.prepare(text)?) };
    let begin = prepare("BEGIN")?;
    let identify = prepare(identify)?;
    let read = prepare(&format!(
        "SELECT region, amount, note FROM bench.{table} WHERE id = $1"
    ))?;
    let commit = prepare("COMMIT")?;
    let mut turn = identities.iter().cycle();
    Ok(repeat(move || {
        let identity = turn.next().ok_or("nobody")?;
        user.execute(&begin, &[])?;
        user.execute(&identify, &[identity])?;
        let rows = user.query(&read, &[&4321])?;
        user.execute(&commit, &[])?;
        if rows.len() == 1 {
            Ok(())
        } else {
            Err("the row was not found".into())
        }
    }))
}

fn attached_read<'a>(scene: &Scene<'_>, tokens: &'a [String]) -> Result<Side<'a>> {
    transaction(scene, "SELECT vpd.attach_session($1)", tokens, "guarded")
}

fn set_read(scene: &Scene<'_>) -> Result<Side<'static>> {
    static REGIONS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| vec![REGION.to_owned()]);
    transaction(
        scene,
        "SELECT set_config('app.region', $1, true)",
        &REGIONS,
        "expert",
    )
}

fn attach<'a>(scene: &Scene<'_>, tokens: &'a [String]) -> Result<Side<'a>> {
    let mut user = scene.database.connect(role::USER)?;
    let statement = user.prepare("SELECT vpd.attach_session($1)")?;
    let mut turn = tokens.iter().cycle();
    Ok(repeat(move || {
        let token = turn.next().ok_or("nobody")?;
        user.execute(&statement, &[token])?;
        Ok(())
    }))
}

/// The least that could be done instead: one look into an index.
fn look_up<'a>(scene: &Scene<'_>, tokens: &'a [String]) -> Result<Side<'a>> {
    let mut admin = scene.database.admin()?;
    admin.batch_execute(
        "CREATE TABLE IF NOT EXISTS bench.token AS SELECT token_hash, session_id FROM vpd_private.session_token;
         CREATE UNIQUE INDEX IF NOT EXISTS token_hash ON bench.token (token_hash);
         GRANT SELECT ON bench.token TO app_user",
    )?;
    admin.batch_execute("VACUUM ANALYZE bench.token")?;
    let mut user = scene.database.connect(role::USER)?;
    let statement = user.prepare(
        "SELECT session_id::text FROM bench.token WHERE token_hash = sha256(convert_to($1, 'UTF8'))",
    )?;
    let mut turn = tokens.iter().cycle();
    Ok(repeat(move || {
        let token = turn.next().ok_or("nobody")?;
        let rows = user.query(&statement, &[token])?;
        if rows.len() == 1 {
            Ok(())
        } else {
            Err("the token was not found".into())
        }
    }))
}
