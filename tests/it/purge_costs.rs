//! What a batch of the purge costs depends on the batch: not on how large the tables are, nor on how many batches came before. It waits for nobody, and nobody
//! looks at his session again because of it. Counted are rows and index entries that were read, not seconds.

use std::sync::OnceLock;

use postgres::Client;
use vpd_tests::{
    Cluster, Crowd, Database, Extension, Library, Result, Subject, assert_refused, attach, role, rows_read,
};

/// Rows of each kind that a batch takes.
const BATCH: i32 = 1000;
/// Rows that may be read for each that is taken, of everything that hangs on it, indexes and all.
const BOUND: i64 = 60;

/// A database on a server without worker and without autovacuum, so that what is dead stays in the way.
fn database() -> Result<Database<'static>> {
    static CLUSTER: OnceLock<std::result::Result<Cluster, String>> = OnceLock::new();
    match CLUSTER.get_or_init(|| cluster().map_err(|error| error.to_string())) {
        Ok(cluster) => Database::create_in(cluster),
        Err(reason) => Err(reason.clone().into()),
    }
}

fn cluster() -> Result<Cluster> {
    let settings = "max_worker_processes = 0\nautovacuum = off";
    Cluster::start(&Extension::debug()?, Library::Preloaded, settings)
}

/// One batch: how many rows it took, and how many it read.
fn batch(security: &mut Client, size: i32) -> Result<(i64, i64)> {
    let mut transaction = security.transaction()?;
    let done = rows_read(&mut transaction, |transaction| {
        Ok(transaction.query_one("SELECT vpd.purge($1)", &[&size])?.get(0))
    })?;
    transaction.commit()?;
    Ok(done)
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

/// What the first and the last batch read of `count` rows, of which the batches between take most.
fn first_and_last(security: &mut Client, count: i32) -> Result<[i64; 2]> {
    // Once in a run what is removed and not vacuumed is stepped over.
    batch(security, 1)?;
    let (taken, first) = batch(security, BATCH)?;
    assert!(taken >= i64::from(BATCH), "{taken}");
    batch(security, count - 2 * BATCH - 1)?;
    let (taken, last) = batch(security, BATCH)?;
    assert!(taken >= i64::from(BATCH), "{taken}");
    Ok([first, last])
}

/// What batches read, by what they found, in a database with so many rows of each kind. Nothing that was removed can be taken out of the indexes meanwhile.
fn costs(count: i32) -> Result<Vec<(&'static str, i64)>> {
    let database = database()?;
    let mut admin = database.admin()?;
    let mut security = database.connect(role::SECURITY)?;
    // Its plans are made here, for empty tables, and kept.
    batch(&mut security, BATCH)?;
    let mut old = database.admin()?;
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class LIMIT 1")?;

    Subject::new("model").log_in(&database)?;
    let crowd = |age| Crowd {
        model: "model",
        count: i64::from(count),
        age,
    };
    crowd("13 hours").gather(&mut admin)?;
    let [expired, last_expired] = first_and_last(&mut security, count)?;
    // Two minutes later.
    admin.batch_execute(
        "UPDATE vpd_private.session SET ended_at = ended_at - interval '2 minutes' WHERE ended_at IS NOT NULL",
    )?;
    let [ended, last_ended] = first_and_last(&mut security, count)?;
    admin.batch_execute(&format!(
        "INSERT INTO vpd_private.ticket (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at, made_in)
         SELECT sha256(n::text::bytea), gen_random_uuid(), 'portal', 'floor', '', t, t, 0
           FROM generate_series(1, {count}) n, LATERAL (SELECT now() - interval '1 hour' + n * interval '1 microsecond' AS t) t;
         INSERT INTO vpd_private.message (message_hash, root_id, source_app, target_app, recorded_at, expires_at)
         SELECT sha256(n::text::bytea), gen_random_uuid(), 'floor', 'portal', t, t
           FROM generate_series(1, {count}) n, LATERAL (SELECT now() - interval '1 hour' + n * interval '1 microsecond' AS t) t;
         DELETE FROM vpd_private.queue;
         INSERT INTO vpd_private.queue (session_id, app, kind, reason, created_at)
         SELECT gen_random_uuid(), 'floor', 'close', 'logout', now() - interval '2 days' + n * interval '1 microsecond' FROM generate_series(1, {count}) n"
    ))?;
    let mut fresh = database.connect(role::SECURITY)?;
    let [others, last_others] = first_and_last(&mut fresh, count)?;
    old.batch_execute("COMMIT")?;
    admin.batch_execute("VACUUM")?;
    crowd("1 second").gather(&mut admin)?;
    batch(&mut security, BATCH)?;
    let (taken, living) = batch(&mut security, BATCH)?;
    assert_eq!(taken, 0);
    Ok(vec![
        ("sessions past a time-out", expired),
        ("the last of them", last_expired),
        ("ended sessions", ended),
        ("the last of them", last_ended),
        ("tickets, messages, queue", others),
        ("the last of them", last_others),
        ("nothing among the living", living),
    ])
}

#[test]
fn a_batch_reads_as_much_in_large_tables_as_in_small_ones() -> Result<()> {
    let (small, large) = (costs(10_000)?, costs(100_000)?);
    eprintln!("{small:?}\n{large:?}");
    for ((what, small), (_, large)) in small.iter().zip(&large) {
        assert!(*large <= i64::from(BATCH) * BOUND, "{what}: {large}");
        assert!(
            *large <= small * 3 / 2 + 100,
            "{what}: {small} of 10 000, {large} of 100 000"
        );
    }
    Ok(())
}

#[test]
fn a_batch_that_was_taken_back_comes_again() -> Result<()> {
    let database = database()?;
    database.admin()?.batch_execute(
        "INSERT INTO vpd_private.message (message_hash, root_id, source_app, target_app, recorded_at, expires_at)
         SELECT sha256(n::text::bytea), gen_random_uuid(), 'floor', 'portal', t, t
           FROM generate_series(1, 25) n, LATERAL (SELECT clock_timestamp() - interval '1 hour' AS t) t",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let mut transaction = security.transaction()?;
    let taken: i64 = transaction.query_one("SELECT vpd.purge(10)", &[])?.get(0);
    assert_eq!(taken, 10);
    transaction.rollback()?;
    assert_eq!(purge(&mut security)?, 25);
    Ok(())
}

#[test]
fn a_session_that_somebody_holds_is_not_waited_for_and_comes_again() -> Result<()> {
    let database = database()?;
    let mut admin = database.admin()?;
    for user in ["alice", "bob"] {
        Subject::new(user).log_in(&database)?;
    }
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET lock_timeout = '20s'")?;
    let late = "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '36 minutes', ended_at = ended_at - interval '2 minutes'";
    // Once it is to be ended, once it is to be removed.
    for _ in 0..2 {
        admin.batch_execute(late)?;
        let mut holder = database.admin()?;
        let mut transaction = holder.transaction()?;
        transaction.execute(
            "SELECT FROM vpd_private.session WHERE user_name = 'alice' FOR UPDATE",
            &[],
        )?;
        // The control: it can be waited for.
        admin.batch_execute("SET lock_timeout = '100ms'")?;
        let wait = "UPDATE vpd_private.session SET language = NULL WHERE user_name = 'alice'";
        let waited = admin.batch_execute(wait).map_err(|error| error.code().cloned());
        assert_eq!(waited, Err(Some(postgres::error::SqlState::LOCK_NOT_AVAILABLE)));
        assert_eq!(purge(&mut security)?, 1, "bob's");
        transaction.rollback()?;
        assert_eq!(purge(&mut security)?, 1, "alice's");
    }
    let left: i64 = admin
        .query_one("SELECT count(*) FROM vpd_private.session", &[])?
        .get(0);
    assert_eq!(left, 0);
    Ok(())
}

#[test]
fn a_session_in_use_is_due_again_later() -> Result<()> {
    let database = database()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut admin = database.admin()?;
    let mut security = database.connect(role::SECURITY)?;
    let state = "SELECT s.ended_at IS NULL, clock_timestamp() - s.last_access_at < interval '25 minutes',
                        (SELECT count(*) FROM vpd_private.session_use)
                   FROM vpd_private.session s";
    let state = |admin: &mut Client| -> Result<(bool, bool, i64)> {
        let row = admin.query_one(state, &[])?;
        Ok((row.get(0), row.get(1), row.get(2)))
    };
    admin.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '36 minutes';
         INSERT INTO vpd_private.session_use (root_id, used_at)
         SELECT s.id, clock_timestamp() - m * interval '1 minute' FROM vpd_private.session s, generate_series(20, 30) m",
    )?;
    assert_eq!(purge(&mut security)?, 0);
    assert_eq!(state(&mut admin)?, (true, true, 0), "its uses are folded in");
    attach(&mut database.connect(role::USER)?, &token)?;
    admin.batch_execute(
        "DELETE FROM vpd_private.session_use;
         UPDATE vpd_private.session SET last_access_at = last_access_at - interval '16 minutes'",
    )?;
    assert_eq!(purge(&mut security)?, 1);
    assert!(!state(&mut admin)?.0);
    Ok(())
}

/// Rows that nobody's key leads to, more of them than a batch looks at.
#[test]
fn what_was_left_behind_is_found_wherever_it_lies() -> Result<()> {
    let database = database()?;
    let mut admin = database.admin()?;
    Subject::new("model").log_in(&database)?;
    let crowd = Crowd {
        model: "model",
        count: 20,
        age: "1 second",
    };
    crowd.gather(&mut admin)?;
    admin.batch_execute("DELETE FROM vpd_private.session WHERE user_name <> 'model'")?;
    crowd.gather(&mut admin)?;
    // Superseded, or past its time.
    admin.batch_execute(
        "INSERT INTO vpd_private.session_authority
         SELECT a.session_id, a.version - m, CASE m WHEN 0 THEN clock_timestamp() ELSE a.valid_until END,
                a.environment, a.roles, a.privileges, a.data_groups, a.reports, a.groups
           FROM vpd_private.session_authority a, generate_series(0, 1) m
          WHERE EXISTS (SELECT FROM vpd_private.session s WHERE s.id = a.session_id)",
    )?;
    let mut left = || -> Result<Vec<i64>> {
        let row = admin.query_one(
            "SELECT (SELECT count(*) FROM vpd_private.session_token), (SELECT count(*) FROM vpd_private.session_authority),
                    (SELECT count(*) FROM vpd_private.session_use), (SELECT count(*) FROM vpd_private.message_spent)",
            &[],
        )?;
        Ok((0..4).map(|column| row.get(column)).collect())
    };
    assert_eq!(left()?, [41, 83, 40, 40]);
    let mut security = database.connect(role::SECURITY)?;
    let mut rounds = 0;
    // What belongs to the living stays.
    while left()? != [21, 21, 20, 20] {
        security.execute("SELECT vpd.purge(10)", &[])?;
        rounds += 1;
        assert!(rounds < 1000, "{:?}", left()?);
    }
    assert!(rounds > 1, "a batch is bounded");
    security.execute("SELECT vpd.purge()", &[])?;
    assert_eq!(left()?, [21, 21, 20, 20]);
    Ok(())
}

#[test]
fn nobody_looks_at_his_session_again_because_others_are_removed() -> Result<()> {
    // A session that ends in any database of a server has everybody look again.
    let alone = cluster()?;
    let database = Database::create_in(&alone)?;
    let mut admin = database.admin()?;
    let token = Subject::new("alice").log_in(&database)?;
    for user in ["bob", "carol"] {
        Subject::new(user).log_in(&database)?;
    }
    admin.batch_execute(
        "SELECT vpd.end_user_sessions('bob'), vpd.end_user_sessions('carol');
         UPDATE vpd_private.session SET ended_at = ended_at - interval '2 minutes';
         CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF current_setting('app.stop', true) = 'on' THEN RAISE EXCEPTION 'stop'; END IF; RETURN OLD; END $$;
         CREATE TRIGGER stop BEFORE DELETE ON vpd_private.session_authority FOR EACH ROW EXECUTE FUNCTION public.stop()",
    )?;
    let mut user = database.connect(role::USER)?;
    let mut read = || -> Result<i64> {
        let mut transaction = user.transaction()?;
        let ((), read) = rows_read(&mut transaction, |transaction| Ok(attach(transaction, &token)?))?;
        transaction.commit()?;
        Ok(read)
    };
    assert!(read()? > 0, "a session nobody remembers is looked up");
    assert_eq!(read()?, 0);
    let mut security = database.connect(role::SECURITY)?;
    // A purge that fails goes on announcing afterwards.
    assert!(
        admin
            .batch_execute("SET app.stop = 'on'; SELECT vpd.purge()")
            .is_err()
    );
    admin.batch_execute("SET app.stop = 'off'")?;
    assert_eq!(read()?, 0);
    assert_eq!(purge(&mut security)?, 2);
    assert_eq!(read()?, 0, "still remembered");
    // The control: a token that is removed by hand is missed, by the connection whose purge failed as well.
    admin.batch_execute("DELETE FROM vpd_private.session_token")?;
    assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    Ok(())
}
