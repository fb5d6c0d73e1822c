//! What redeeming a ticket costs, beside the least that could be done: one DELETE … RETURNING.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres::{Client, Statement};
use sha2::{Digest, Sha256};
use vpd_tests::{Result, Subject, VERIFIER, role};

use crate::contest::{Pace, Side, Tally, Target, backend};
use crate::scene::Scene;

const P12: Target = Target::rate(0.80, Some(0.90));

const CLIENTS: [usize; 3] = [1, 8, 32];

/// Long enough that starting the clients, and waiting for the last of them, weighs little.
const TURN: Duration = Duration::from_millis(250);

/// Sessions the tickets belong to. Many, as in life: tickets of one session would meet at its row.
const SESSIONS: usize = 500;

/// Most redemptions a second that there are tickets for.
const FASTEST: u32 = 12_000;

const REDEEM: &str = "SELECT 1 WHERE vpd.redeem_ticket($1, 'floor', $2) IS NOT NULL";

const DELETE: &str = "
DELETE FROM bench.ticket
 WHERE ticket_hash = sha256(convert_to($1, 'UTF8'))
   AND target_app = 'floor'
   AND challenge = sha256(convert_to($2, 'UTF8'))
   AND expires_at > clock_timestamp()
RETURNING session_id";

/// Measures P-12.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-12") {
        return Ok(());
    }
    let mut bridge = scene.database.connect(role::BRIDGE)?;
    for number in 0..SESSIONS {
        Subject::new(&format!("holder{number}")).log_in_with(&mut bridge)?;
    }
    let pace = Pace { turn: TURN, ..*pace };
    for clients in CLIENTS {
        // Each slice may overrun by a turn, and there is a short round before the first.
        let longest = (pace.slice + TURN) * (pace.rounds + 1);
        let count = u64::from(FASTEST) * u64::try_from(longest.as_millis())? / 1_000;
        let tickets = issue(scene, usize::try_from(count)?)?;
        let ours = race(scene, clients, &tickets, REDEEM)?;
        let theirs = race(scene, clients, &tickets, DELETE)?;
        let what = format!("redeem_ticket : DELETE … RETURNING, {clients} clients");
        scene.row("P-12", &what, &pace, P12, ours, theirs)?;
    }
    Ok(())
}

/// Puts tickets into the tables directly: issuing is limited to a few a session, and is not what is measured.
fn issue(scene: &Scene<'_>, count: usize) -> Result<Vec<String>> {
    let mut admin = scene.database.admin()?;
    admin.batch_execute(
        "DROP TABLE IF EXISTS bench.ticket;
         CREATE TABLE bench.ticket (LIKE vpd_private.ticket INCLUDING ALL);
         GRANT SELECT, DELETE ON bench.ticket TO app_bridge;
         DELETE FROM vpd_private.ticket;
         CREATE TEMPORARY TABLE made (n bigint GENERATED ALWAYS AS IDENTITY, ticket text)",
    )?;
    let tickets: Vec<String> = (0..count).map(|_| ticket()).collect();
    let mut copy = admin.copy_in("COPY made (ticket) FROM STDIN")?;
    for ticket in &tickets {
        writeln!(copy, "{ticket}")?;
    }
    copy.finish()?;
    for table in ["vpd_private.ticket", "bench.ticket"] {
        let insert = format!(
            "WITH holder AS (SELECT id, row_number() OVER () - 1 AS n FROM vpd_private.session
                              WHERE user_name LIKE 'holder%')
             INSERT INTO {table} (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at, made_in)
             SELECT sha256(convert_to(m.ticket, 'UTF8')), h.id, 'portal', 'floor', sha256(convert_to($1, 'UTF8')),
                    clock_timestamp(), clock_timestamp() + interval '1 day', 0
               FROM made m JOIN holder h ON h.n = m.n % {SESSIONS}"
        );
        admin.execute(&insert, &[&VERIFIER])?;
    }
    admin.batch_execute("VACUUM ANALYZE")?;
    Ok(tickets)
}

/// A ticket of the right shape that nobody has had before. Not a secret: the database lives for a minute.
fn ticket() -> String {
    static SERIES: AtomicUsize = AtomicUsize::new(0);
    let number = SERIES.fetch_add(1, Ordering::Relaxed);
    format!(
        "vt_{}",
        URL_SAFE_NO_PAD.encode(Sha256::digest(number.to_be_bytes()))
    )
}

/// One client of a race with its statement.
struct Racer {
    client: Client,
    statement: Statement,
}

impl Racer {
    /// Redeems a ticket that must be good.
    fn redeem(&mut self, ticket: &str) -> Result<()> {
        match self.client.query_opt(&self.statement, &[&ticket, &VERIFIER])? {
            Some(_) => Ok(()),
            None => Err("a good ticket was refused".into()),
        }
    }
}

/// Clients that take tickets from a common heap, each exactly once.
fn race<'a>(scene: &Scene<'_>, clients: usize, tickets: &'a [String], query: &str) -> Result<Side<'a>> {
    let (mut racers, mut backends) = (vec![], vec![]);
    for _ in 0..clients {
        let mut client = scene.database.connect(role::BRIDGE)?;
        let statement = client.prepare(query)?;
        backends.push(backend(&mut client)?);
        racers.push(Racer { client, statement });
    }
    let next = AtomicUsize::new(0);
    Ok(Side::new(backends, move |turn: Duration| {
        let first = next.load(Ordering::Relaxed);
        let (is_over, failure) = (AtomicBool::new(false), Mutex::new(None));
        let start = Instant::now();
        thread::scope(|scope| {
            for racer in &mut racers {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) && start.elapsed() < turn {
                        let ticket = tickets.get(next.fetch_add(1, Ordering::Relaxed));
                        let redeemed = ticket.ok_or_else(|| "no ticket is left".into());
                        if let Err(error) = redeemed.and_then(|ticket| racer.redeem(ticket)) {
                            is_over.store(true, Ordering::Relaxed);
                            if let Ok(mut failure) = failure.lock() {
                                *failure = Some(error);
                            }
                        }
                    }
                });
            }
        });
        let elapsed = start.elapsed();
        match failure.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => Ok(Tally {
                count: u32::try_from(next.load(Ordering::Relaxed) - first)?,
                elapsed,
                ..Tally::default()
            }),
        }
    }))
}
