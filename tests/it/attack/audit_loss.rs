//! Whoever writes, fails, is cancelled, is ended or falls with the server: for every commit and every denial there is a record, and the chain of records is whole.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use postgres::Client;
use vpd_tests::{Cluster, Database, Extension, Library, Result, role, until_within};

const CLIENTS: u64 = 8;
const STATEMENTS: u64 = 100_000;
const FALLS: usize = 20;

/// What a client does; most of it commits.
const ACTS: [(&str, Expected); 10] = [
    ("INSERT INTO ledger DEFAULT VALUES", Expected::Commit),
    ("INSERT INTO ledger DEFAULT VALUES", Expected::Commit),
    ("INSERT INTO ledger DEFAULT VALUES", Expected::Commit),
    (
        "BEGIN; INSERT INTO ledger DEFAULT VALUES; COMMIT",
        Expected::Commit,
    ),
    (
        "BEGIN; INSERT INTO ledger DEFAULT VALUES; ROLLBACK",
        Expected::Nothing,
    ),
    ("INSERT INTO ledger SELECT 1 / 0", Expected::Nothing),
    ("SELECT * FROM secret", Expected::Denial),
    ("SELECT vpd.attach_session('x')", Expected::Denial),
    (
        "SET statement_timeout = 1; INSERT INTO ledger SELECT length(pg_sleep(1)::text)",
        Expected::Nothing,
    ),
    ("INSERT INTO strict_ledger DEFAULT VALUES", Expected::Commit),
];

#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Commit,
    Denial,
    Nothing,
}

const TABLES: &str = "
    CREATE TABLE ledger (amount int, xid bigint DEFAULT pg_current_xact_id()::text::bigint);
    CREATE TABLE strict_ledger (LIKE ledger INCLUDING DEFAULTS); CREATE TABLE secret (id int);
    GRANT INSERT, SELECT ON ledger, strict_ledger TO app_user;
    SELECT vpd.add_audit_policy('ledger', 'writes', commands => '{insert}');
    SELECT vpd.add_audit_policy('strict_ledger', 'writes', commands => '{insert}', mode => 'strict');";

/// One client: statements in an order that looks random, connecting again whenever it was cut off. Counts the denials and commits that it was told of.
fn work(database: &Database<'_>, number: u64, denials: &AtomicU64, commits: &AtomicU64) {
    let mut client: Option<Client> = None;
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..STATEMENTS / CLIENTS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let (text, expected) = ACTS[(state % ACTS.len() as u64) as usize];
        while client.as_ref().is_none_or(Client::is_closed) {
            client = database.connect(role::USER).ok();
            if client.is_none() {
                thread::sleep(Duration::from_millis(20));
            }
        }
        let Some(open) = client.as_mut() else { continue };
        let answer = open.batch_execute(text);
        if answer.is_ok() && expected == Expected::Commit {
            commits.fetch_add(1, Ordering::Relaxed);
        }
        let state = answer.err().and_then(|error| error.code().cloned());
        if expected == Expected::Denial
            && state.is_some_and(|state| ["42501", "28000"].contains(&state.code()))
        {
            denials.fetch_add(1, Ordering::Relaxed);
        }
        if text.starts_with("SET") && open.batch_execute("ROLLBACK; RESET statement_timeout").is_err() {
            client = None;
        }
    }
}

/// Ends connections, and the server with some of them, until the clients are done.
fn disturb(cluster: &Cluster, database: &Database<'_>, is_over: &AtomicBool) -> Result<usize> {
    let mut falls = 0;
    let mut turn = 0;
    while !is_over.load(Ordering::Relaxed) {
        turn += 1;
        thread::sleep(Duration::from_millis(150));
        let Ok(mut admin) = database.admin() else { continue };
        let found = admin.query(
            "SELECT pid FROM pg_stat_activity WHERE usename = 'app_user' AND datname = current_database() ORDER BY random() LIMIT 1",
            &[],
        );
        let Some(process) = found.ok().and_then(|rows| Some(rows.first()?.get::<_, i32>(0))) else {
            continue;
        };
        if turn % 5 == 0 && falls < FALLS {
            drop(admin);
            if cluster.crash(process).is_ok() {
                falls += 1;
            }
        } else {
            let _ = admin.execute("SELECT pg_terminate_backend($1)", &[&process]);
        }
    }
    Ok(falls)
}

#[test]
fn every_commit_and_every_denial_is_recorded_whatever_falls() -> Result<()> {
    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "vpd.audit_wait = '30s'\nsynchronous_commit = on",
    )?;
    let database = Database::create_in(&cluster)?;
    database.admin()?.batch_execute(TABLES)?;
    let (is_over, denials, commits) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let falls = thread::scope(|scope| {
        let disturbing = scope.spawn(|| disturb(&cluster, &database, &is_over).unwrap_or(0));
        let (told, database, commits) = (&denials, &database, &commits);
        let working: Vec<_> = (1..=CLIENTS)
            .map(|number| scope.spawn(move || work(database, number, told, commits)))
            .collect();
        for one in working {
            let _ = one.join();
        }
        is_over.store(true, Ordering::Relaxed);
        disturbing.join().unwrap_or(0)
    });
    assert!(falls >= FALLS / 2, "control: the server fell {falls} times");
    let mut auditor = database.connect(role::AUDITOR)?;
    until_within(Duration::from_secs(120), "all is written", || {
        Ok(auditor.query_one("SELECT vpd.flush_audit()", &[]).is_ok())
    })?;
    let mut admin = database.admin()?;
    // Every fall takes what the server knows of the sizes of tables; without it, it compares each row with every record.
    admin.batch_execute("ANALYZE")?;
    let mut count = |query: &str| -> Result<i64> { Ok(admin.query_one(query, &[])?.get(0)) };
    let rows = count("SELECT (SELECT count(*) FROM ledger) + (SELECT count(*) FROM strict_ledger)")?;
    assert!(
        rows >= i64::try_from(commits.load(Ordering::Relaxed))?,
        "control: what was told to be committed is there"
    );
    assert!(rows > i64::try_from(STATEMENTS / 4)?, "control: {rows} commits");
    for table in ["ledger", "strict_ledger"] {
        let unrecorded = count(&format!(
            "SELECT count(*) FROM {table} l WHERE NOT EXISTS (SELECT FROM vpd_private.audit_record r
              WHERE r.transaction_id = l.xid AND r.event = 'data' AND r.verdict = 'ok' AND r.relation = 'public.{table}')"
        ))?;
        assert_eq!(unrecorded, 0, "{table}");
    }
    let unannounced = count(
        "SELECT count(*) FROM strict_ledger l WHERE (SELECT count(*) FROM vpd_private.audit_record r WHERE r.relation = 'public.strict_ledger'
            AND r.event = 'data.begin') < (SELECT count(*) FROM strict_ledger)",
    )?;
    assert_eq!(unannounced, 0);
    let denied = count("SELECT count(*) FROM vpd.audit_trail WHERE event = 'denied'")?;
    assert!(
        denied >= i64::try_from(denials.load(Ordering::Relaxed))? && denied > 0,
        "{denied} of {denials:?}"
    );
    let untrue = count(
        "SELECT count(*) FROM vpd_private.audit_record r
          WHERE r.event = 'data' AND r.verdict = 'ok' AND r.relation = 'public.ledger'
            AND NOT EXISTS (SELECT FROM ledger l WHERE l.xid = r.transaction_id)
            AND NOT EXISTS (SELECT FROM vpd_private.audit_record u WHERE u.event = 'transaction.rolled_back' AND u.transaction_id = r.transaction_id)
            AND pg_xact_status(r.transaction_id::text::xid8) = 'committed'
            -- A number that a fall of the server took back is given again, to another process, which may be the scribe: then the status is that of the later one.
            AND NOT EXISTS (SELECT FROM vpd_private.audit_record u
                             WHERE u.transaction_id = r.transaction_id AND u.process_id <> r.process_id AND u.sequence > r.sequence)
            AND NOT EXISTS (SELECT FROM vpd_private.audit_record u WHERE u.xmin::text::bigint = r.transaction_id)
            AND NOT EXISTS (SELECT FROM vpd_private.audit_checkpoint u WHERE u.xmin::text::bigint = r.transaction_id)",
    )?;
    assert_eq!(untrue, 0, "what was not committed is not told of as that");
    assert_eq!(count("SELECT count(*) FROM vpd.alarms")?, 0, "nothing was lost");
    assert_eq!(
        count("SELECT coalesce(first_broken, 0) FROM vpd.verify_audit()")?,
        0
    );
    Ok(())
}
