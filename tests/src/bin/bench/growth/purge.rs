//! The purge of more and more dead sessions against one big DELETE of the same rows, and what others wait for meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{Crowd, Database, Result, Subject, attach, role};

use super::{empty_database, milliseconds, percentile, sizes};
use crate::contest::Target;
use crate::scene::Scene;
use crate::table;

const P14: Target = Target::rate(0.35, Some(0.50));
const MEANWHILE: Target = Target::time(1.5, Some(1.2));

/// Rows of each kind in a batch, as the worker takes them.
const BATCH: i32 = 10_000;

/// The tables of the twin: the same rows with the same indexes, and nothing that listens.
const TABLES: [&str; 5] = [
    "session_token",
    "session_authority",
    "session_use",
    "message_spent",
    "session",
];

pub fn measure(scene: &Scene<'_>, largest: u32) -> Result<()> {
    for size in sizes(u32::try_from(BATCH)?, largest.max(10_000)) {
        for (what, purge) in [
            ("just over", purge_recent as Measurement),
            ("over for days", purge_old),
        ] {
            let measured = scene.bound.within(|| {
                let database = empty_database(scene)?;
                // Its plans are made while the tables are empty.
                let mut security = database.connect(role::SECURITY)?;
                security.execute("SELECT vpd.purge()", &[])?;
                purge(&database, &mut security, size)
            })?;
            if measured.is_none() {
                let what = format!("purge of {size} sessions that are {what}");
                table::print_endless("P-14", &what, scene.bound.limit());
            }
        }
    }
    Ok(())
}

type Measurement = fn(&Database<'_>, &mut Client, u32) -> Result<()>;

/// What batches took until nothing was left.
struct Batches {
    times: Vec<Duration>,
    rows: i64,
}

impl Batches {
    /// Runs until nothing is left.
    fn run(security: &mut Client) -> Result<Self> {
        let mut batches = Self {
            times: vec![],
            rows: 0,
        };
        loop {
            let start = Instant::now();
            let count: i64 = security.query_one("SELECT vpd.purge($1)", &[&BATCH])?.get(0);
            if count == 0 {
                return Ok(batches);
            }
            batches.rows += count;
            batches.times.push(start.elapsed());
        }
    }

    fn total(&self) -> Duration {
        self.times.iter().sum()
    }

    fn print(&self, what: &str) {
        let (first, last) = self.ends();
        table::print_note(&format!(
            "{} sessions {what} in {:.1} s, a batch of {BATCH} in {first:.0} ms at first, {last:.0} ms at last",
            self.rows,
            self.total().as_secs_f64()
        ));
    }

    /// The median of the first and of the last tenth.
    fn ends(&self) -> (f64, f64) {
        let tenth = self.times.len().div_ceil(10);
        let median = |times: &[Duration]| milliseconds(percentile(&mut times.to_vec(), 50));
        (
            median(&self.times[..tenth]),
            median(&self.times[self.times.len() - tenth..]),
        )
    }
}

/// One live session, so many that were over for some time, and the same rows in the twin's tables; the token of the live one.
fn gather(database: &Database<'_>, admin: &mut Client, size: u32, age: &str) -> Result<String> {
    let token = Subject::new("model").log_in_with(&mut database.connect(role::BRIDGE)?)?;
    let crowd = Crowd {
        model: "model",
        count: i64::from(size),
        age,
    };
    crowd.gather(admin)?;
    admin.batch_execute("CREATE SCHEMA bench")?;
    for table in TABLES {
        admin.batch_execute(&format!(
            "CREATE TABLE bench.{table} (LIKE vpd_private.{table} INCLUDING ALL);
             INSERT INTO bench.{table} TABLE vpd_private.{table}"
        ))?;
    }
    admin.batch_execute("CHECKPOINT")?;
    Ok(token)
}

/// Sessions of which nobody waits to be told: each is removed at once.
fn purge_old(database: &Database<'_>, security: &mut Client, size: u32) -> Result<()> {
    let mut admin = database.admin()?;
    let token = gather(database, &mut admin, size, "3 days")?;
    let quiet = quiet(database, &token)?;
    let (removal, busy) = meanwhile(database, &token, || Batches::run(security))?;
    let delete = delete(&mut admin)?;
    let ratio = delete.as_secs_f64() / removal.total().as_secs_f64();
    let what = format!("purge of {size} sessions that were over for days : one DELETE, rate");
    table::print_ratio("P-14", &what, P14, ratio);
    removal.print("removed");
    print_meanwhile(&format!("{size} sessions are removed"), busy, quiet);
    Ok(())
}

/// Sessions that are just over: each is ended, its applications are told, and it is removed a minute later.
fn purge_recent(database: &Database<'_>, security: &mut Client, size: u32) -> Result<()> {
    let mut admin = database.admin()?;
    let token = gather(database, &mut admin, size, "13 hours")?;
    let quiet = quiet(database, &token)?;
    let (ending, busy) = meanwhile(database, &token, || Batches::run(security))?;
    admin.batch_execute(
        "UPDATE vpd_private.session SET ended_at = ended_at - interval '2 minutes' WHERE ended_at IS NOT NULL; CHECKPOINT",
    )?;
    let removal = Batches::run(security)?;
    let delete = delete(&mut admin)?;

    let ratio = delete.as_secs_f64() / removal.total().as_secs_f64();
    let what = format!("removal of {size} ended sessions : one DELETE, rate");
    table::print_ratio("P-14", &what, P14, ratio);
    let ratio = delete.as_secs_f64() / (ending.total() + removal.total()).as_secs_f64();
    let what = format!("end and removal of {size} sessions that are just over : one DELETE, rate");
    table::print_ratio("P-14", &what, P14, ratio);
    ending.print("ended");
    removal.print("removed");
    table::print_note(&format!("the DELETE took {:.1} s", delete.as_secs_f64()));
    print_meanwhile(&format!("{size} sessions end"), busy, quiet);
    Ok(())
}

fn print_meanwhile(what: &str, busy: Duration, quiet: Duration) {
    let ratio = busy.as_secs_f64() / quiet.as_secs_f64();
    let what = format!("attach_session, p99 while {what} : quiet");
    table::print_ratio("P-14", &what, MEANWHILE, ratio);
    table::print_note(&format!(
        "{:.2} ms, {:.2} ms",
        milliseconds(busy),
        milliseconds(quiet)
    ));
}

fn quiet(database: &Database<'_>, token: &str) -> Result<Duration> {
    let work = || {
        thread::sleep(Duration::from_secs(2));
        Ok(())
    };
    Ok(meanwhile(database, token, work)?.1)
}

/// The same rows out of the twin's tables, in one transaction.
fn delete(admin: &mut Client) -> Result<Duration> {
    let start = Instant::now();
    let mut transaction = admin.transaction()?;
    for (table, key) in [
        ("session_token", "session_id"),
        ("session_authority", "session_id"),
        ("session_use", "root_id"),
        ("message_spent", "root_id"),
    ] {
        transaction.batch_execute(&format!(
            "DELETE FROM bench.{table} t USING bench.session s WHERE s.id = t.{key} AND s.expires_at < clock_timestamp()"
        ))?;
    }
    transaction.batch_execute("DELETE FROM bench.session WHERE expires_at < clock_timestamp()")?;
    transaction.commit()?;
    Ok(start.elapsed())
}

/// Does work while another connection attaches its session again and again: what the work gives, and what 99 of 100 of those calls do not exceed.
fn meanwhile<R>(
    database: &Database<'_>,
    token: &str,
    work: impl FnOnce() -> Result<R>,
) -> Result<(R, Duration)> {
    let is_over = AtomicBool::new(false);
    let mut user = database.connect(role::USER)?;
    thread::scope(|scope| {
        let caller = scope.spawn(|| -> Result<Vec<Duration>> {
            let mut times = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let start = Instant::now();
                attach(&mut user, token)?;
                times.push(start.elapsed());
                thread::sleep(Duration::from_millis(1));
            }
            Ok(times)
        });
        let given = work();
        is_over.store(true, Ordering::Relaxed);
        let mut times = caller.join().map_err(|_| "the caller fell")??;
        Ok((given?, percentile(&mut times, 99)))
    })
}
