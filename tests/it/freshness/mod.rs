//! Readers × events. What a connection keeps of the answers of a reader, in plans with masks, in texts of policies and in values of InitPlans, must
//! never outlive an event that changes the answer.
//!
//! Rows: every function that tells of the session or of definitions (`reader.rs`). Columns: every event that changes an answer (`event.rs`). Each
//! cell is asked by a prepared statement that was run before, in a generic plan, under a mask, a template and a policy function, and compared
//! with a fresh connection.

mod event;
mod reader;
mod scene;

use std::collections::BTreeSet;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use postgres::{Client, Statement};
use vpd_tests::{Outcome, Refusal, Result, attach, role};

use event::{EVENTS, Event, Place};
use reader::{OTHERS, READERS};
use scene::{KEEPERS, Scene, answer, prepare};

/// What is refused must not end the transaction. Set after what the connection does itself and not after what happens elsewhere: a command in
/// between would have the connection look for changes, and so would going back to the savepoint.
const SAVEPOINT: &str = "SAVEPOINT before_all";
const ROLL_BACK: &str = "ROLLBACK TO before_all";

/// How plans are kept; readers take turns.
const MODES: [&str; 2] = ["force_generic_plan", "auto"];

/// So many that the server chooses a generic plan.
const RUNS: usize = 7;

/// Who is attached, what the transaction did since, and whether policies apply.
struct State {
    user: &'static str,
    own: Vec<&'static str>,
    is_exempt: bool,
}

/// The connection of one reader, so that what another one is told does not have it look for changes.
struct Line {
    client: Client,
    statements: Vec<Statement>,
}

impl Line {
    fn open(scene: &Scene, reader: usize) -> Result<Self> {
        let mut client = scene.database.connect(role::USER)?;
        let mode = MODES[reader % MODES.len()];
        client.batch_execute(&format!("SET plan_cache_mode = {mode}"))?;
        let statements = prepare(&mut client, reader)?;
        let mut line = Self { client, statements };
        line.begin(scene.token("alice"))?;
        Ok(line)
    }

    fn begin(&mut self, token: &str) -> Result<()> {
        self.client.batch_execute("BEGIN")?;
        attach(&mut self.client, token)?;
        Ok(self.client.batch_execute(SAVEPOINT)?)
    }

    /// Asks every keeper. A plan that was made for what the session might do before may be refused once.
    fn ask(&mut self) -> Result<Vec<Outcome<i32>>> {
        let mut answers = vec![];
        for statement in &self.statements {
            let mut seen = answer(self.client.query_one(statement, &[]));
            let is_outdated = |refusal: &Refusal| {
                matches!(
                    refusal.token.as_deref(),
                    Some("authority_changed" | "exemption_changed")
                )
            };
            if seen.as_ref().is_err_and(is_outdated) {
                self.client.batch_execute(ROLL_BACK)?;
                seen = answer(self.client.query_one(statement, &[]));
            }
            if seen.is_err() {
                self.client.batch_execute(ROLL_BACK)?;
            }
            answers.push(seen);
        }
        Ok(answers)
    }
}

/// One pass over the table. Says what was wrong, and which readers had another answer after some event.
fn pass(scene: &Scene) -> Result<(Vec<String>, BTreeSet<usize>)> {
    let mut lines = (0..READERS.len())
        .map(|reader| Line::open(scene, reader))
        .collect::<Result<Vec<_>>>()?;
    let mut state = State {
        user: "alice",
        own: vec![],
        is_exempt: false,
    };
    let (mut wrong, mut changed) = (vec![], BTreeSet::new());
    for line in &mut lines {
        for _ in 0..RUNS {
            line.ask()?;
        }
    }
    let mut before = fresh(scene, &state)?;
    for event in EVENTS {
        happen(scene, &mut lines, &mut state, *event)?;
        let expected = fresh(scene, &state)?;
        let mut doubtful = vec![];
        for (reader, line) in lines.iter_mut().enumerate() {
            for (seen, keeper) in line.ask()?.into_iter().zip(KEEPERS) {
                if !is_right(&seen, &expected[reader]) {
                    doubtful.push((reader, keeper, seen));
                }
            }
            if expected[reader] != before[reader] {
                changed.insert(reader);
            }
        }
        before = expected;
        if !doubtful.is_empty() {
            // On a slow machine a time may come while the cells are asked.
            before = fresh(scene, &state)?;
        }
        for (reader, keeper, seen) in doubtful {
            if !is_right(&seen, &before[reader]) {
                wrong.push(format!(
                    "{keeper} of {}: {seen:?} instead of {:?} after {event:?}",
                    READERS[reader].question, before[reader]
                ));
            }
        }
    }
    Ok((wrong, changed))
}

/// The function of a policy that fails is reported as such, whatever its reason.
fn is_right(seen: &Outcome<i32>, expected: &Outcome<i32>) -> bool {
    seen == expected || (seen.is_err() && expected.is_err())
}

fn happen(scene: &Scene, lines: &mut [Line], state: &mut State, (place, what): Event) -> Result<()> {
    state.is_exempt = what.contains("grant_exempt");
    match place {
        Place::Elsewhere => match what.strip_prefix("shared ") {
            Some(value) => scene.share(value)?,
            None => scene.database.connect(role::SECURITY)?.batch_execute(what)?,
        },
        Place::ByHand => scene.database.admin()?.batch_execute(what)?,
        Place::Later => sleep(Duration::from_secs_f64(what.parse()?)),
        Place::Own => {
            for line in lines {
                line.client.batch_execute(what)?;
                line.client.batch_execute(SAVEPOINT)?;
            }
            state.own.push(what);
        }
        Place::Between | Place::Attach => {
            for line in lines.iter_mut() {
                line.client.batch_execute("COMMIT")?;
            }
            match place {
                Place::Between => scene.database.admin()?.batch_execute(what)?,
                _ => state.user = what,
            }
            state.own.clear();
            for line in lines {
                line.begin(scene.token(state.user))?;
            }
        }
    }
    Ok(())
}

/// What the readers themselves answer in the same state, to a connection that keeps nothing, without any policy or mask in between.
fn fresh(scene: &Scene, state: &State) -> Result<Vec<Outcome<i32>>> {
    let mut user = scene.database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, scene.token(state.user))?;
    for own in &state.own {
        user.batch_execute(own)?;
    }
    user.batch_execute(SAVEPOINT)?;
    if state.is_exempt {
        return Ok(vec![Ok(1); READERS.len()]);
    }
    scene.ask(&mut user, ROLL_BACK)
}

#[test]
fn no_answer_that_is_kept_outlives_an_event() -> Result<()> {
    let scene = Scene::new()?;
    let (wrong, changed) = pass(&scene)?;
    writeln!(
        std::io::stderr(),
        "freshness: {} readers × {} keepers × {} events; {} wrong",
        READERS.len(),
        KEEPERS.len(),
        EVENTS.len(),
        wrong.len()
    )?;
    assert!(wrong.is_empty(), "wrong:\n{}", wrong.join("\n"));
    // The table is worth something only where events change answers.
    let idle: Vec<_> = (0..READERS.len())
        .filter(|reader| !changed.contains(reader))
        .map(|reader| READERS[reader].question)
        .collect();
    assert!(idle.is_empty(), "no event changes the answers of {idle:?}");
    Ok(())
}

/// The table has a row for every function of the library that could tell something of the session.
#[test]
fn every_reader_is_in_the_table() -> Result<()> {
    let database = vpd_tests::Database::create()?;
    let rows = database.admin()?.query(
        "SELECT p.oid::regprocedure::text
           FROM pg_proc p
          WHERE p.pronamespace IN ('vpd'::regnamespace, 'dbms_session'::regnamespace)
            AND p.provolatile = 's'
            AND p.prorettype <> 'trigger'::regtype",
        &[],
    )?;
    let known: BTreeSet<&str> = READERS
        .iter()
        .map(|reader| reader.function)
        .chain(OTHERS.iter().copied())
        .collect();
    let missing: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0))
        .filter(|function| !known.contains(function.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "add to tests/it/freshness/reader.rs: {missing:?}"
    );
    Ok(())
}
