//! The purge: dead rows go, live rows stay, by hand and by the worker.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, VERIFIER, act_for, assert_denied_to_all_but,
    assert_refused, attach, challenge, issue, redeem, role, until_true, until_within,
};

const COUNTS: &str = "SELECT (SELECT count(*) FROM vpd_private.session),
                             (SELECT count(*) FROM vpd_private.session_token),
                             (SELECT count(*) FROM vpd_private.ticket),
                             (SELECT count(*) FROM vpd_private.message),
                             (SELECT count(*) FROM vpd_private.queue)";

/// Rows of each table: sessions, tokens, tickets, messages, queue entries.
fn counts(admin: &mut Client) -> Result<Vec<i64>> {
    let row = admin.query_one(COUNTS, &[])?;
    Ok((0..5).map(|column| row.get(column)).collect())
}

fn purge(security: &mut Client) -> Result<i64> {
    let mut total = 0;
    loop {
        let count: i64 = security.query_one("SELECT vpd.purge()", &[])?.get(0);
        total += count;
        if count == 0 {
            return Ok(total);
        }
    }
}

/// Moves every clock of the database back.
fn age_everything(admin: &mut Client, by: &str) -> Result<()> {
    admin.batch_execute(&format!(
        "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '{by}',
                expires_at = expires_at - interval '{by}', ended_at = ended_at - interval '{by}';
         UPDATE vpd_private.session_use SET used_at = used_at - interval '{by}';
         UPDATE vpd_private.ticket SET expires_at = expires_at - interval '{by}', issued_at = issued_at - interval '{by}';
         UPDATE vpd_private.message SET expires_at = expires_at - interval '{by}';
         UPDATE vpd_private.queue SET created_at = created_at - interval '{by}'"
    ))?;
    Ok(())
}

/// A database on a server that has no room for the worker, so that every count is the test's own.
fn without_worker() -> Result<Database<'static>> {
    static CLUSTER: OnceLock<std::result::Result<Cluster, String>> = OnceLock::new();
    let start = || {
        Cluster::start(
            &Extension::debug()?,
            Library::Preloaded,
            "max_worker_processes = 0",
        )
    };
    match CLUSTER.get_or_init(|| start().map_err(|error| error.to_string())) {
        Ok(cluster) => Database::create_in(cluster),
        Err(reason) => Err(reason.clone().into()),
    }
}

/// A database with one of everything: a shared session, an open ticket, a message.
fn populated() -> Result<(Database<'static>, String)> {
    let database = without_worker()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let issue = "SELECT vpd.issue_ticket($1, 'floor', $2)";
    let ticket: String = bridge.query_one(issue, &[&token, &challenge(VERIFIER)])?.get(0);
    let floor: String = bridge
        .query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])?
        .get(0);
    bridge.execute(issue, &[&token, &challenge(VERIFIER)])?;
    bridge.execute("SELECT vpd.record_message($1, 'portal')", &[&floor])?;
    Ok((database, token))
}

#[test]
fn live_rows_stay() -> Result<()> {
    let (database, token) = populated()?;
    let mut admin = database.admin()?;
    assert_eq!(counts(&mut admin)?, [1, 2, 1, 1, 0]);
    assert_eq!(purge(&mut database.connect(role::SECURITY)?)?, 0);
    assert_eq!(counts(&mut admin)?, [1, 2, 1, 1, 0]);
    attach(&mut database.connect(role::USER)?, &token)?;
    Ok(())
}

#[test]
fn orphaned_tickets_and_messages_go_after_their_time() -> Result<()> {
    let (database, token) = populated()?;
    let mut admin = database.admin()?;
    age_everything(&mut admin, "121 seconds")?;
    assert!(purge(&mut database.connect(role::SECURITY)?)? >= 2);
    assert_eq!(counts(&mut admin)?, [1, 2, 0, 0, 0]);
    attach(&mut database.connect(role::USER)?, &token)?;
    Ok(())
}

#[test]
fn an_expired_session_is_ended_announced_and_later_removed() -> Result<()> {
    let (database, _) = populated()?;
    let mut admin = database.admin()?;
    let mut security = database.connect(role::SECURITY)?;
    age_everything(&mut admin, "36 minutes")?;
    assert!(purge(&mut security)? > 0);
    let reason = admin.query_one("SELECT end_reason FROM vpd.sessions", &[])?;
    assert_eq!(reason.get::<_, &str>(0), "idle_timeout");
    let queued = admin.query("SELECT app, reason FROM vpd_private.queue", &[])?;
    assert!(
        queued.iter().any(|row| row.get::<_, &str>(0) == "floor"),
        "floor learns that it is over"
    );
    age_everything(&mut admin, "2 minutes")?;
    purge(&mut security)?;
    assert_eq!(counts(&mut admin)?[..3], [0, 0, 0]);
    age_everything(&mut admin, "25 hours")?;
    purge(&mut security)?;
    assert_eq!(counts(&mut admin)?, [0, 0, 0, 0, 0]);
    Ok(())
}

/// What a purge leaves of a login, with all that came out of it, that has been over for so long.
fn after_being_over_for(age: &str) -> Result<(Database<'static>, String, Vec<i64>)> {
    let (database, token) = populated()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let ticket = issue(&mut bridge, &token, "ledger")?;
    redeem(&mut bridge, &ticket, "ledger")?.ok_or("refused")?;
    let mut admin = database.admin()?;
    age_everything(&mut admin, age)?;
    assert!(purge(&mut database.connect(role::SECURITY)?)? > 0);
    let left = counts(&mut admin)?;
    Ok((database, token, left))
}

#[test]
fn a_login_that_was_over_for_a_day_is_removed_at_once_with_all_that_came_out_of_it() -> Result<()> {
    // control: of one that was over for less, applications are told
    let (_, _, left) = after_being_over_for("24 hours")?;
    assert!(left[0] == 2 && left[4] > 0, "{left:?}");
    let (database, token, left) = after_being_over_for("25 hours")?;
    assert_eq!(left, [0, 0, 0, 0, 0]);
    let mut bridge = database.connect(role::BRIDGE)?;
    let entry = bridge.query_one("SELECT kind, reason FROM vpd.browse_queue($1)", &[&token])?;
    assert_eq!(
        (entry.get::<_, &str>(0), entry.get::<_, &str>(1)),
        ("close", "session_over")
    );
    assert_refused(
        attach(&mut database.connect(role::USER)?, &token),
        "28000",
        "session_invalid",
    );
    Ok(())
}

#[test]
fn a_login_that_was_used_within_a_day_is_ended_and_announced_however_old_it_is() -> Result<()> {
    let (database, _) = populated()?;
    let mut admin = database.admin()?;
    // Its last use is not folded in yet.
    admin.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '10 days', expires_at = expires_at + interval '10 days';
         INSERT INTO vpd_private.session_use (root_id, used_at) SELECT id, clock_timestamp() - interval '20 hours' FROM vpd_private.session",
    )?;
    purge(&mut database.connect(role::SECURITY)?)?;
    let reason = admin.query_one("SELECT end_reason FROM vpd.sessions", &[])?;
    assert_eq!(reason.get::<_, &str>(0), "idle_timeout");
    Ok(())
}

#[test]
fn the_reason_tells_idle_from_absolute() -> Result<()> {
    let (database, _) = populated()?;
    database
        .admin()?
        .batch_execute("UPDATE vpd_private.session SET expires_at = clock_timestamp()")?;
    purge(&mut database.connect(role::SECURITY)?)?;
    let reason = database
        .admin()?
        .query_one("SELECT end_reason FROM vpd.sessions", &[])?;
    assert_eq!(reason.get::<_, &str>(0), "absolute_timeout");
    Ok(())
}

#[test]
fn a_batch_is_bounded() -> Result<()> {
    let database = without_worker()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let token = Subject::new("alice").log_in_with(&mut bridge)?;
    for _ in 0..25 {
        bridge.execute("SELECT vpd.record_message($1, 'floor')", &[&token])?;
    }
    let mut admin = database.admin()?;
    admin
        .batch_execute("UPDATE vpd_private.message SET expires_at = clock_timestamp() - interval '1 hour'")?;
    let mut security = database.connect(role::SECURITY)?;
    let mut batch = || -> Result<i64> { Ok(security.query_one("SELECT vpd.purge(10)", &[])?.get(0)) };
    assert_eq!([batch()?, batch()?, batch()?, batch()?], [10, 10, 5, 0]);
    for size in [0, -1, 100_001] {
        assert_refused(
            security.execute("SELECT vpd.purge($1)", &[&size]),
            "22023",
            "argument_invalid",
        );
    }
    Ok(())
}

/// What was made below a session that was ended, or ended and removed, before the maker committed.
#[test]
fn what_a_race_left_behind_is_ended_announced_and_removed() -> Result<()> {
    for is_removed in [false, true] {
        let database = without_worker()?;
        let mut admin = database.admin()?;
        let mut security = database.connect(role::SECURITY)?;
        admin.batch_execute(
            "SELECT vpd.define_user('alice'), vpd.define_user('bob'), vpd.grant_delegation('user:alice', 'user:bob')",
        )?;
        let mut bridge = database.connect(role::BRIDGE)?;
        let token = Subject::new("alice").log_in_with(&mut bridge)?;
        let tickets = [
            issue(&mut bridge, &token, "ledger")?,
            issue(&mut bridge, &token, "floor")?,
        ];
        bridge.batch_execute("BEGIN")?;
        let child = redeem(&mut bridge, &tickets[0], "ledger")?.ok_or("not redeemed")?;
        redeem(&mut bridge, &tickets[1], "floor")?.ok_or("not redeemed")?;
        act_for(&mut bridge, &child, "bob")?;
        issue(&mut bridge, &child, "portal")?;
        admin.batch_execute("SELECT vpd.end_all_sessions()")?;
        if is_removed {
            let age = "UPDATE vpd_private.session SET ended_at = ended_at - interval '2 minutes'";
            admin.batch_execute(age)?;
            purge(&mut security)?;
            assert_eq!(counts(&mut admin)?[..2], [0, 0]);
        }
        bridge.batch_execute("COMMIT")?;
        purge(&mut security)?;
        let open: i64 = admin
            .query_one(
                "SELECT count(*) FROM vpd_private.session WHERE ended_at IS NULL",
                &[],
            )?
            .get(0);
        assert_eq!(open, 0, "removed before: {is_removed}");
        age_everything(&mut admin, "3 minutes")?;
        purge(&mut security)?;
        assert_eq!(
            counts(&mut admin)?[..3],
            [0, 0, 0],
            "removed before: {is_removed}"
        );
    }
    Ok(())
}

#[test]
fn the_interval_is_one_to_sixty_minutes() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let interval = "SELECT vpd.purge_interval()::text";
    assert_eq!(security.query_one(interval, &[])?.get::<_, &str>(0), "00:02:00");
    for minutes in [1, 60, 15] {
        security.execute("SELECT vpd.set_purge_interval($1)", &[&minutes])?;
        let text: String = security.query_one(interval, &[])?.get(0);
        assert_eq!(
            text,
            if minutes == 60 {
                "01:00:00".into()
            } else {
                format!("00:{minutes:02}:00")
            }
        );
    }
    for minutes in [0, 61, -1, i32::MAX] {
        let set = security.execute("SELECT vpd.set_purge_interval($1)", &[&minutes]);
        assert_refused(set, "22023", "argument_invalid");
        assert_eq!(security.query_one(interval, &[])?.get::<_, &str>(0), "00:15:00");
    }
    Ok(())
}

#[test]
fn only_the_security_administrator_purges() -> Result<()> {
    let database = Database::create()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &["SELECT vpd.purge()", "SELECT vpd.set_purge_interval(1)"],
    )?;
    Ok(())
}

#[test]
fn runs_are_logged_and_the_log_is_bounded() -> Result<()> {
    let (database, _) = populated()?;
    let mut admin = database.admin()?;
    age_everything(&mut admin, "13 hours")?;
    let mut security = database.connect(role::SECURITY)?;
    purge(&mut security)?;
    let run = security.query_one(
        "SELECT expired_sessions, removed_tickets, removed_messages, duration >= '0', job FROM vpd.job_runs
          WHERE expired_sessions > 0",
        &[],
    )?;
    assert_eq!(
        (run.get::<_, i64>(0), run.get::<_, i64>(1), run.get::<_, i64>(2)),
        (1, 1, 1)
    );
    assert!(run.get::<_, bool>(3));
    admin.batch_execute(
        "INSERT INTO vpd_private.job_run (job, started_at, duration, batches, expired_sessions, removed_sessions,
                                          removed_tickets, removed_messages)
         SELECT 'purge', clock_timestamp(), '1 ms', 1, 0, 0, 0, 0 FROM generate_series(1, 1500)",
    )?;
    security.execute("SELECT vpd.purge()", &[])?;
    let kept: i64 = security
        .query_one("SELECT count(*) FROM vpd.job_runs", &[])?
        .get(0);
    assert!(kept <= 1000, "{kept}");
    Ok(())
}

/// Waits until the worker of a database has logged more runs than before.
fn wait_for_worker(admin: &mut Client, after: i64, limit: Duration) -> Result<i64> {
    let latest = "SELECT coalesce(max(id), 0) FROM vpd.job_runs WHERE job = 'purge'";
    let mut id = 0;
    until_within(limit, "the worker has run", || {
        id = admin.query_one(latest, &[])?.get(0);
        Ok(id > after)
    })?;
    Ok(id)
}

/// A purge that looked at uses before another one folded a later use in does not put the clock back.
#[test]
fn two_purges_put_no_clock_back() -> Result<()> {
    let database = without_worker()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "UPDATE vpd_private.session SET created_at = created_at - interval '3 hours', last_access_at = last_access_at - interval '3 hours';
         INSERT INTO vpd_private.session_use SELECT id, now() - interval '34 minutes' FROM vpd_private.session",
    )?;
    // The other purge: it holds off this one, which has taken its snapshot, and folds in a use of now.
    let mut other = admin.transaction()?;
    other.batch_execute("LOCK TABLE vpd_private.session_use")?;
    let mut security = database.connect(role::SECURITY)?;
    let purging = thread::spawn(move || security.query_one("SELECT vpd.purge()", &[]).map(|_| ()));
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%vpd.purge()%' AND datname = current_database())";
    until_true(&mut database.admin()?, waits)?;
    other.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = clock_timestamp(); DELETE FROM vpd_private.session_use",
    )?;
    other.commit()?;
    purging.join().map_err(|_| "the purge panicked")??;
    let pause: f64 = admin
        .query_one(
            "SELECT extract(epoch FROM clock_timestamp() - last_access_at)::float8 FROM vpd_private.session",
            &[],
        )?
        .get(0);
    assert!(pause < 600.0, "{pause} s");
    attach(&mut database.connect(role::USER)?, &token)?;
    Ok(())
}

/// What is left behind and held by one purge is passed over by another.
#[test]
fn a_purge_that_is_left_open_holds_up_no_other() -> Result<()> {
    let (database, _) = populated()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SET session_replication_role = replica;
         INSERT INTO vpd_private.session_use SELECT gen_random_uuid(), now() FROM vpd_private.session;
         INSERT INTO vpd_private.message_spent SELECT sha256(id::text::bytea), gen_random_uuid() FROM vpd_private.session;
         DELETE FROM vpd_private.session",
    )?;
    let (mut one, mut two) = (
        database.connect(role::SECURITY)?,
        database.connect(role::SECURITY)?,
    );
    one.batch_execute("BEGIN; SELECT vpd.purge()")?;
    two.batch_execute("SET statement_timeout = '20s'; SELECT vpd.purge()")?;
    one.batch_execute("ROLLBACK")?;
    purge(&mut two)?;
    let left: i64 = admin
        .query_one("SELECT (SELECT count(*) FROM vpd_private.session_token) + (SELECT count(*) FROM vpd_private.session_use)", &[])?
        .get(0);
    assert_eq!(left, 0);
    Ok(())
}

#[test]
fn the_worker_purges_by_itself_and_comes_back_after_a_kill() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    // The owner of a database can set what its connections begin with; these here have begun.
    let read_only = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$";
    database.admin()?.batch_execute(read_only)?;
    let record = "SELECT vpd.record_message($1, 'floor')";
    let mut admin = database.admin()?;
    admin.batch_execute("SET default_transaction_read_only = off")?;
    let stale = "UPDATE vpd_private.message SET expires_at = clock_timestamp() - interval '1 hour'";
    let left = "SELECT count(*) FROM vpd_private.message";

    bridge.execute(record, &[&token])?;
    admin.batch_execute(stale)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET default_transaction_read_only = off")?;
    security.batch_execute("SELECT vpd.set_purge_interval(1)")?;
    let first = wait_for_worker(&mut admin, 0, Duration::from_secs(150))?;
    // The row may have become stale after the first run; the next one takes it.
    assert!(
        admin
            .query_one(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE '%vpd%'",
                &[]
            )?
            .get::<_, i64>(0)
            > 0
    );

    bridge.execute(record, &[&token])?;
    admin.batch_execute(stale)?;
    let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE '%vpd%'";
    assert!(!admin.query(killed, &[])?.is_empty());
    wait_for_worker(&mut admin, first, Duration::from_secs(180))?;
    assert_eq!(admin.query_one(left, &[])?.get::<_, i64>(0), 0);
    Ok(())
}

/// The worker waits for somebody who locks a table: no second one starts beside it, and whoever wants the database to be empty ends it.
#[test]
fn a_worker_that_waits_is_alone_and_can_be_ended() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let (mut admin, mut holder) = (database.admin()?, database.admin()?);
    let mut held = holder.transaction()?;
    held.batch_execute("LOCK TABLE vpd_private.session IN ACCESS EXCLUSIVE MODE")?;
    let workers = "SELECT pid, wait_event_type IS NOT DISTINCT FROM 'Lock' FROM pg_stat_activity
                    WHERE datname = current_database() AND backend_type = 'pg_vpd purge'";
    let ask = "SELECT vpd.set_purge_interval(1)";
    admin.execute(ask, &[])?;
    let mut waiting = Vec::new();
    until_within(Duration::from_secs(60), "the worker waits", || {
        waiting = admin
            .query(workers, &[])?
            .iter()
            .filter(|row| row.get(1))
            .map(|row| row.get::<_, i32>(0))
            .collect();
        Ok(!waiting.is_empty())
    })?;
    assert_eq!(waiting.len(), 1);
    // Asked for again, the launcher starts another, which sees that it is not needed.
    admin.execute(ask, &[])?;
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(4) {
        let others = admin
            .query(workers, &[])?
            .iter()
            .filter(|row| row.get(1) && !waiting.contains(&row.get(0)))
            .count();
        assert_eq!(others, 0);
    }
    admin.execute("SELECT pg_terminate_backend($1)", &[&waiting[0]])?;
    until_within(Duration::from_secs(20), "the worker ended", || {
        Ok(!admin
            .query(workers, &[])?
            .iter()
            .any(|row| waiting.contains(&row.get(0))))
    })?;
    held.rollback()?;
    Ok(())
}

/// With one slot for workers, all databases are purged all the same: one that found no slot stays due.
#[test]
fn many_databases_share_one_worker_slot() -> Result<()> {
    // The launchers of logical replication and of the purge have a slot each.
    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "max_worker_processes = 3",
    )?;
    let first = Database::create_in(&cluster)?;
    let mut admin = cluster.connect("postgres", "postgres")?;
    let names: Vec<String> = (1..=6).map(|number| format!("copy_{number}")).collect();
    for name in &names {
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {}", first.name()))?;
    }
    for name in &names {
        let mut inside = cluster.connect("postgres", name)?;
        // Asked for anew in each, so that all of them are due.
        inside.batch_execute("SELECT vpd.set_purge_interval(1)")?;
    }
    for name in &names {
        wait_for_worker(
            &mut cluster.connect("postgres", name)?,
            0,
            Duration::from_secs(150),
        )?;
    }
    Ok(())
}

#[test]
fn a_database_is_copied_and_dropped_while_it_is_purged() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let mut admin = cluster.connect("postgres", "postgres")?;
    let working =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'pg_vpd purge'";
    for command in ["CREATE DATABASE copy TEMPLATE", "DROP DATABASE"] {
        let mut inside = database.admin()?;
        inside.batch_execute(
            "INSERT INTO vpd_private.message (message_hash, root_id, source_app, target_app, recorded_at, expires_at)
             SELECT sha256(convert_to(gen_random_uuid()::text, 'UTF8')), gen_random_uuid(), 'portal', 'floor', '-infinity', '-infinity'
               FROM generate_series(1, 600000);
             SELECT vpd.set_purge_interval(1)",
        )?;
        drop(inside);
        until_within(Duration::from_secs(150), "a purge began", || {
            Ok(admin.query_one(working, &[&database.name()])?.get::<_, i64>(0) > 0)
        })?;
        admin.batch_execute(&format!("{command} {}", database.name()))?;
    }
    admin.batch_execute("DROP DATABASE copy")?;
    Ok(())
}

#[test]
fn a_worker_that_is_about_to_connect_keeps_no_command_waiting() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = Database::create_in(&cluster)?;
    let name = database.name();
    let mut admin = cluster.connect("postgres", "postgres")?;
    let mut watching = cluster.connect("postgres", "postgres")?;
    let renaming = format!("ALTER DATABASE {name} RENAME TO other");
    // The workers rest from here on, so what is recorded waits for a scribe, and the purge is due.
    let mut holder = cluster.connect("postgres", "postgres")?;
    let mut held = holder.transaction()?;
    held.batch_execute(&renaming)?;
    held.rollback()?;
    database
        .admin()?
        .batch_execute("SELECT vpd.set_purge_interval(1)")?;
    // Nobody can connect while this holds its lock: workers that start when the rest is over wait for it.
    let mut held = holder.transaction()?;
    held.batch_execute(&renaming)?;
    let waiting =
        "SELECT count(*) FROM pg_locks WHERE classid = 'pg_database'::regclass AND NOT granted AND mode = $1";
    let mut until_waiting = |mode: &str, count: i64| {
        until_within(Duration::from_secs(90), mode, || {
            Ok(watching.query_one(waiting, &[&mode])?.get::<_, i64>(0) == count)
        })
    };
    until_waiting("RowExclusiveLock", 2)?;
    let copy = format!("CREATE DATABASE copy TEMPLATE {name}");
    let copying = std::thread::spawn(move || admin.batch_execute(&copy));
    until_waiting("ShareLock", 1)?;
    held.rollback()?;
    copying.join().map_err(|_| "the copying thread failed")??;
    Ok(())
}
