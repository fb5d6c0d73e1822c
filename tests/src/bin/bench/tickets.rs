//! What redeeming a ticket costs, beside the least that could be done: one DELETE … RETURNING.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres::Client;
use sha2::{Digest, Sha256};
use vpd_tests::{Result, Subject, VERIFIER, role};

use crate::contest::{Pace, Side, Target, compare};
use crate::scene::Scene;
use crate::table;

const CLIENTS: [usize; 3] = [1, 8, 32];

/// Sessions the tickets belong to.
const SESSIONS: usize = 500;

/// Most redemptions a second that there are tickets for.
const FASTEST: f64 = 20_000.0;

/// Measures P-12.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-12") {
        return Ok(());
    }
    // Many sessions, as in life: tickets of one session would queue for its row.
    let mut bridge = scene.database.connect(role::BRIDGE)?;
    for number in 0..SESSIONS {
        Subject::new(&format!("holder{number}")).log_in_with(&mut bridge)?;
    }
    for clients in CLIENTS {
        let turns = f64::from(u32::try_from(pace.rounds + 1)?);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of tickets"
        )]
        let count = (FASTEST * turns * pace.slice.as_secs_f64()) as usize;
        let tickets = issue(scene, count)?;
        let ours = race(scene, clients, &tickets, |client, ticket| {
            let row = client.query_one("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])?;
            Ok(row.get::<_, Option<String>>(0).is_some())
        })?;
        let theirs = race(scene, clients, &tickets, |client, ticket| {
            let delete = "DELETE FROM bench.ticket WHERE ticket_hash = sha256(convert_to($1, 'UTF8'))
                              AND target_app = 'floor' AND expires_at > clock_timestamp()
                          RETURNING session_id::text";
            Ok(client.query_opt(delete, &[&ticket])?.is_some())
        })?;
        let target = Target::Rate(0.80);
        let outcome = compare(pace, target, ours, theirs)?;
        table::print(
            "P-12",
            &format!("redeem_ticket : DELETE … RETURNING, {clients} clients"),
            target,
            &outcome,
        );
    }
    Ok(())
}

/// Puts tickets into the table directly: issuing is limited to a few a session, and is not what is measured.
fn issue(scene: &Scene<'_>, count: usize) -> Result<Vec<String>> {
    let mut admin = scene.database.admin()?;
    admin.batch_execute(
        "DROP TABLE IF EXISTS bench.ticket;
         CREATE TABLE bench.ticket (LIKE vpd_private.ticket INCLUDING ALL);
         GRANT SELECT, DELETE ON bench.ticket TO app_bridge;
         CREATE TEMPORARY TABLE IF NOT EXISTS made (n bigint GENERATED ALWAYS AS IDENTITY, ticket_hash bytea); TRUNCATE made",
    )?;
    let tickets: Vec<String> = (0..count).map(ticket).collect();
    let mut copy = admin.copy_in("COPY made (ticket_hash) FROM STDIN")?;
    for ticket in &tickets {
        let hash: String = Sha256::digest(ticket)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        writeln!(copy, "\\\\x{hash}")?;
    }
    copy.finish()?;
    for table in ["vpd_private.ticket", "bench.ticket"] {
        let insert = format!(
            "WITH holder AS (SELECT id, row_number() OVER () - 1 AS n FROM vpd_private.session
                              WHERE user_name LIKE 'holder%')
             INSERT INTO {table} (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at)
             SELECT m.ticket_hash, h.id, 'portal', 'floor', sha256(convert_to($1, 'UTF8')),
                    clock_timestamp(), clock_timestamp() + interval '1 day'
               FROM made m JOIN holder h ON h.n = m.n % {SESSIONS}"
        );
        admin.execute(&insert, &[&VERIFIER])?;
        admin.batch_execute(&format!("VACUUM ANALYZE {table}"))?;
    }
    Ok(tickets)
}

/// A ticket of the right shape that nobody has had before. Not a secret: the database lives for a minute.
fn ticket(number: usize) -> String {
    static SERIES: AtomicUsize = AtomicUsize::new(0);
    let unique = SERIES.fetch_add(1, Ordering::Relaxed);
    format!(
        "vt_{}",
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{number}-{unique}")))
    )
}

/// Clients that take tickets from a common heap, each exactly once.
fn race<'a>(
    scene: &Scene<'_>,
    clients: usize,
    tickets: &'a [String],
    redeem: impl Fn(&mut Client, &str) -> Result<bool> + Sync + 'a,
) -> Result<Side<'a>> {
    let mut connections = vec![];
    for _ in 0..clients {
        connections.push(scene.database.connect(role::BRIDGE)?);
    }
    let next = AtomicUsize::new(0);
    Ok(Box::new(move |slice: Duration| {
        let first = next.load(Ordering::Relaxed);
        let (is_over, failure) = (AtomicBool::new(false), Mutex::new(None));
        let start = Instant::now();
        thread::scope(|scope| {
            for client in &mut connections {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        let won = tickets
                            .get(turn)
                            .ok_or_else(|| "no ticket is left".into())
                            .and_then(|ticket| redeem(client, ticket));
                        if !matches!(won, Ok(true)) {
                            let reason = won
                                .err()
                                .map_or_else(|| "a good ticket was refused".to_owned(), |e| e.to_string());
                            if let Ok(mut failure) = failure.lock() {
                                *failure = Some(reason);
                            }
                            is_over.store(true, Ordering::Relaxed);
                        } else if start.elapsed() >= slice {
                            is_over.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        if let Ok(Some(reason)) = failure.into_inner() {
            return Err(reason.into());
        }
        let count = u32::try_from(next.load(Ordering::Relaxed) - first)?;
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    }))
}
