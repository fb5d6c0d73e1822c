//! What attaching a session costs.

use std::slice;

use postgres::Client;
use vpd_tests::{Result, Subject, role};

use crate::contest::{Pace, Side, Target};
use crate::scene::{REGION, Scene};

const P8: Target = Target::rate(0.80, Some(0.95));
const P11: Target = Target::rate(0.50, Some(0.70));

/// Sessions that take turns on one connection; a backend remembers far fewer, so each is looked up in the tables.
const MANY: usize = 10_000;

/// Logins in one transaction.
const BATCH: usize = 500;

/// Measures P-8 and P-11, with one session and with many.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-8") && !wanted("P-11") {
        return Ok(());
    }
    // Fresh sessions: one that was used minutes ago would also have its idle clock moved when it is attached.
    let tokens = log_in_many(scene)?;
    create_token_table(scene)?;
    for (who, tokens) in [("one session", &tokens[..1]), ("10 000 sessions", &tokens[..])] {
        if wanted("P-8") {
            let ours = attached_read(scene, tokens)?;
            let what = format!("BEGIN, attach, read, COMMIT : set_config, {who}");
            scene.row("P-8", &what, pace, P8, ours, set_read(scene)?)?;
        }
        if wanted("P-11") {
            let what = format!("attach_session : SELECT by hash, {who}");
            let (ours, theirs) = (attach(scene, tokens)?, look_up(scene, tokens)?);
            scene.row("P-11", &what, pace, P11, ours, theirs)?;
        }
    }
    Ok(())
}

fn log_in_many(scene: &Scene<'_>) -> Result<Vec<String>> {
    let mut bridge = scene.database.connect(role::BRIDGE)?;
    let mut tokens = Vec::with_capacity(MANY);
    for number in 0..MANY {
        if number % BATCH == 0 {
            bridge.batch_execute("COMMIT; BEGIN")?;
        }
        let subject = Subject::in_region(&format!("user{number}"), REGION);
        tokens.push(subject.log_in_with(&mut bridge)?);
    }
    bridge.batch_execute("COMMIT")?;
    scene.database.admin()?.batch_execute("VACUUM ANALYZE")?;
    Ok(tokens)
}

/// What somebody would write who keeps nothing but hashes and who they are.
fn create_token_table(scene: &Scene<'_>) -> Result<()> {
    let mut admin = scene.database.admin()?;
    admin.batch_execute(
        "CREATE TABLE bench.token AS SELECT token_hash, session_id FROM vpd_private.session_token;
         ALTER TABLE bench.token ADD PRIMARY KEY (token_hash);
         GRANT SELECT ON bench.token TO app_user",
    )?;
    Ok(admin.batch_execute("VACUUM ANALYZE bench.token")?)
}

/// Begin, say who it is, read one row, commit: four round trips, whatever says who it is.
fn transaction<'a>(
    mut user: Client,
    identify: &str,
    identities: &'a [String],
    table: &str,
) -> Result<Side<'a>> {
    let begin = user.prepare("BEGIN")?;
    let identify = user.prepare(identify)?;
    let read = user.prepare(&format!(
        "SELECT region, amount, note FROM bench.{table} WHERE id = $1"
    ))?;
    let commit = user.prepare("COMMIT")?;
    let mut turn = identities.iter().cycle();
    Side::repeat(user, move |user| {
        let identity = turn.next().ok_or("nobody")?;
        user.execute(&begin, &[])?;
        user.execute(&identify, &[identity])?;
        user.query_one(&read, &[&4321])?;
        user.execute(&commit, &[])?;
        Ok(())
    })
}

fn attached_read<'a>(scene: &Scene<'_>, tokens: &'a [String]) -> Result<Side<'a>> {
    let user = scene.database.connect(role::USER)?;
    transaction(user, "SELECT vpd.attach_session($1)", tokens, "expert")
}

fn set_read(scene: &Scene<'_>) -> Result<Side<'static>> {
    static REGIONS: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| REGION.to_owned());
    let user = scene.database.connect(role::USER)?;
    let identify = "SELECT set_config('app.region', $1, true)";
    transaction(user, identify, slice::from_ref(&*REGIONS), "expert_native")
}

fn attach<'a>(scene: &Scene<'_>, tokens: &'a [String]) -> Result<Side<'a>> {
    let mut user = scene.database.connect(role::USER)?;
    let statement = user.prepare("SELECT vpd.attach_session($1)")?;
    let mut turn = tokens.iter().cycle();
    Side::repeat(user, move |user| {
        let token = turn.next().ok_or("nobody")?;
        user.execute(&statement, &[token])?;
        Ok(())
    })
}

/// The least that could be done instead: one look into an index.
fn look_up<'a>(scene: &Scene<'_>, tokens: &'a [String]) -> Result<Side<'a>> {
    let mut user = scene.database.connect(role::USER)?;
    let statement = user.prepare(
        "SELECT session_id::text FROM bench.token WHERE token_hash = sha256(convert_to($1, 'UTF8'))",
    )?;
    let mut turn = tokens.iter().cycle();
    Side::repeat(user, move |user| {
        let token = turn.next().ok_or("nobody")?;
        user.query_one(&statement, &[token])?;
        Ok(())
    })
}
