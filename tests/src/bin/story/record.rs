//! Chapter: what was tried and what was seen stands in a trail that nobody changes unnoticed. A token is used twice, a table is read under an audit policy, and what was
//! recorded is verified, in the database and without it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use reqwest::Method;
use serde_json::Value;
use vpd_tests::Result;

use crate::connection::{ADMIN, BRIDGE, RUNTIME, connect, state};
use crate::rows::of_bob;
use crate::script::Script;
use crate::stage::Stage;

const BY_TOKEN: &str = "SELECT vpd.create_session_from_token($1, 'portal')";
const FIGURE: &str = "vpd_audit_alarms_total{event=\"token.replayed\"} ";
/// How long an alarm may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Record: what was tried and what was seen");
    let mut admin = connect(ADMIN)?;
    let before: i64 = admin.query_one("SELECT vpd.flush_audit()", &[])?.get(0);
    replay(stage, script, &mut admin)?;
    let record = read_under_audit(stage, script, &mut admin)?;
    verify(script, &mut admin, record)?;
    wait_for_checkpoint(&mut admin, record)?;
    verify_export(script, before, record)
}

/// A token that somebody caught on its way is used a second time.
fn replay(stage: &Stage, script: &mut Script, admin: &mut Client) -> Result<()> {
    let mut listener = connect(ADMIN)?;
    listener.batch_execute("LISTEN vpd_alarm")?;
    let counted = figure(stage)?;
    let token = stage.identity_token("bob")?;
    let mut bridge = connect(BRIDGE)?;
    let session: String = bridge.query_one(BY_TOKEN, &[&token])?.get(0);
    let again = state(bridge.query(BY_TOKEN, &[&token]));
    bridge.execute("SELECT vpd.end_session($1)", &[&session])?;
    script.answer("a token that was used once opens", &again, "SQLSTATE 28000")?;
    let heard = alarm(&mut listener)?;
    let (sequence, event) = heard.split_once(' ').ok_or("an alarm of another form")?;
    script.answer("whoever listens on vpd_alarm hears of", event, "token.replayed")?;
    let sequence: i64 = sequence.parse()?;
    let row = admin.query_one(
        "SELECT app, details FROM vpd.alarms WHERE sequence = $1",
        &[&sequence],
    )?;
    let details: Value = serde_json::from_str(row.get(1))?;
    let told = format!(
        "{} in {}",
        details["reason"].as_str().unwrap_or_default(),
        row.get::<_, &str>(0)
    );
    script.answer("vpd.alarms says why, and where", &told, "spent in portal")?;
    script.equal(
        "the metric of the bridge rose to",
        figure(stage)?,
        counted + 1,
        "one more than before",
    )
}

/// What the bridge tells Prometheus.
fn figure(stage: &Stage) -> Result<i64> {
    let answer = stage.call(Method::GET, "/metrics", "none")?;
    let line = answer.body.lines().find_map(|line| line.strip_prefix(FIGURE));
    Ok(line.ok_or("the bridge tells no alarms")?.parse()?)
}

/// The next alarm of a replay that is heard.
fn alarm(listener: &mut Client) -> Result<String> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let mut heard = listener.notifications();
        let next = heard.timeout_iter(Duration::from_millis(500)).next()?;
        if let Some(alarm) = next.filter(|alarm| alarm.payload().ends_with(" token.replayed")) {
            return Ok(alarm.payload().to_owned());
        }
    }
    Err("no alarm was heard".into())
}

/// Bob reads orders; the record of it.
fn read_under_audit(stage: &Stage, script: &mut Script, admin: &mut Client) -> Result<i64> {
    // One of a story that was broken off would be in the way.
    let drop = "SELECT vpd.drop_audit_policy(relation, policy_name) FROM vpd.audit_policies WHERE policy_name = 'story'";
    admin.execute(drop, &[])?;
    admin.batch_execute("SELECT vpd.add_audit_policy('demo.orders', 'story', mode => 'strict')")?;
    let token = stage.service_session("bob")?;
    let mut runtime = connect(RUNTIME)?;
    let mut transaction = runtime.transaction()?;
    transaction.execute("SELECT vpd.attach_session($1)", &[&token])?;
    let seen = transaction.query(
        "SELECT row_id FROM demo.orders WHERE sales > $1::text::numeric",
        &[&"0"],
    )?;
    transaction.commit()?;
    stage.call(Method::DELETE, "/v1/sessions/current", &token)?;
    admin.execute(drop, &[])?;
    admin.query_one("SELECT vpd.flush_audit()", &[])?;
    script.lines(
        "bob reads orders under a strict audit policy",
        i64::try_from(seen.len())?,
        stage.file.totals(of_bob).count,
    )?;
    let row = admin.query_one(
        "SELECT t.sequence, t.user_name, t.row_count, t.statement, max(v.definition ->> 'predicate') FILTER (WHERE v.policy_name LIKE '%region%')
           FROM vpd.audit_trail t
          CROSS JOIN LATERAL jsonb_array_elements(t.predicates) p
           JOIN vpd.policy_versions v
             ON v.relation = t.relation::regclass AND v.policy_name = p.value ->> 'policy' AND v.version = (p.value ->> 'version')::integer
          WHERE t.event = 'data' AND t.relation = 'demo.orders'
          GROUP BY t.sequence, t.user_name, t.row_count, t.statement
          ORDER BY t.sequence DESC
          LIMIT 1",
        &[],
    )?;
    let who: &str = row.get(1);
    script.answer("the trail says who read", who, "bob")?;
    script.lines(
        "how many lines came out",
        row.get(2),
        stage.file.totals(of_bob).count,
    )?;
    let predicate: &str = row.get::<_, Option<&str>>(4).unwrap_or_default();
    let short = predicate.split_whitespace().collect::<Vec<_>>().join(" ");
    script.holds("and under which predicate", predicate.contains("regions"), &short)?;
    let text: Option<&str> = row.get(3);
    script.holds(
        "it holds no value of the statement",
        text.is_none_or(|text| !text.contains('0')),
        "no constant",
    )?;
    Ok(row.get(0))
}

/// The chain is whole; changed by one, it is not.
fn verify(script: &mut Script, admin: &mut Client, record: i64) -> Result<()> {
    let verified = "SELECT records, first_broken FROM vpd.verify_audit()";
    let all = admin.query_one(
        "SELECT count(*) FROM vpd.audit_trail WHERE sequence <= vpd.flush_audit()",
        &[],
    )?;
    let row = admin.query_one(verified, &[])?;
    script.holds(
        "vpd.verify_audit finds the chain whole",
        row.get::<_, Option<i64>>(1).is_none() && row.get::<_, i64>(0) >= all.get(0),
        &format!("{} records", row.get::<_, i64>(0)),
    )?;
    let mut transaction = admin.transaction()?;
    transaction.execute(
        "UPDATE vpd_private.audit_record SET row_count = row_count - 1 WHERE sequence = $1",
        &[&record],
    )?;
    let broken: Option<i64> = transaction.query_one(verified, &[])?.get(1);
    transaction.rollback()?;
    script.equal(
        "after a superuser took one line off the count it points to record",
        broken.unwrap_or_default(),
        record,
        "which he changed",
    )
}

/// The scribe signs once the trail has come to rest, and the first time makes the key, without which nothing can be verified elsewhere.
fn wait_for_checkpoint(admin: &mut Client, record: i64) -> Result<()> {
    let start = Instant::now();
    let signed = "SELECT coalesce(max(sequence), 0) >= $1 FROM vpd.audit_checkpoints";
    while start.elapsed() < PATIENCE {
        if admin.query_one(signed, &[&record])?.get(0) {
            return Ok(());
        }
        sleep(Duration::from_millis(100));
    }
    Err("no checkpoint was signed".into())
}

/// The same without the database: the program, a file, and public keys.
fn verify_export(script: &mut Script, before: i64, record: i64) -> Result<()> {
    let folder = env::temp_dir().join(format!("story-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let outcome = verify_in(script, &folder, before, record);
    fs::remove_dir_all(&folder)?;
    outcome
}

fn verify_in(script: &mut Script, folder: &Path, before: i64, record: i64) -> Result<()> {
    let (file, keys) = (folder.join("trail.jsonl"), folder.join("keys.json"));
    let text = run(&["audit", "export", "--after", &before.to_string()])?.0;
    fs::write(&file, &text)?;
    fs::write(&keys, run(&["audit", "keys"])?.0)?;
    let (file, keys) = (file.to_string_lossy(), keys.to_string_lossy());
    let arguments = ["audit", "verify", &*file, "--keys", &*keys];
    let (told, is_whole) = run(&arguments)?;
    let told = told.lines().next().unwrap_or_default();
    script.holds(
        "session-bridge audit verify, of an export, offline",
        is_whole,
        told,
    )?;
    let line = format!("\"sequence\":{record},");
    let found = text
        .lines()
        .find(|text| text.replace(": ", ":").replace(", ", ",").contains(&line));
    let forged = found
        .ok_or("the export has no such record")?
        .replace("bob", "eve");
    fs::write(&*file, text.replace(found.unwrap_or_default(), &forged))?;
    let (told, is_whole) = run(&arguments)?;
    script.holds("with another name in bob's record", !is_whole, told.trim())
}

/// The bridge's program, with the demo's configuration: what it says, and whether it ends well.
fn run(arguments: &[&str]) -> Result<(String, bool)> {
    let own = env::current_exe()?;
    let program = own
        .parent()
        .ok_or("no folder of programs")?
        .join("session-bridge");
    let config: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../session_bridge/demo/bridge.toml");
    let output = Command::new(program)
        .arg("--config")
        .arg(config)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    Ok((
        String::from_utf8_lossy(&output.stdout).into_owned(),
        output.status.success(),
    ))
}
