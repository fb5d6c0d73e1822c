//! The matrix of stale plans. PostgreSQL keeps plans in many places and does not know when a session changes;
//! a plan made for one user must never answer another.
//!
//! Cells: 12 forms of statement × 3 `plan_cache_mode` × 8 events = 288, and two more events: attaching in the next transaction, and a role
//! granted to the user while his transaction is open.
//! Each cell is run 1, 6 and 12 times before and after the event, under every kind of policy. The result must be that of a
//! fresh connection in the same state.

mod event;
mod form;
mod scene;

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use vpd_tests::{Outcome, Result, attach, outcome, role};

use event::Event;
use form::Form;
use scene::Scene;

const MODES: [&str; 3] = ["auto", "force_generic_plan", "force_custom_plan"];
const RUNS: [usize; 3] = [1, 6, 12];

/// Runs every form through one event in every mode, a cell each, with every kind of policy and number of runs; says how
/// many cells there were and how many were wrong.
fn check(scene: &Scene, event: Event) -> Result<()> {
    let mut checks = 0;
    let mut cells: HashMap<(&str, &str), Vec<String>> = HashMap::new();
    for mode in MODES {
        for runs in RUNS {
            for (form, finding) in scenario(scene, event, mode, runs)? {
                checks += 1;
                cells.entry((form, mode)).or_default().extend(finding);
            }
        }
    }
    assert_eq!(cells.len(), form::NAMES.len() * MODES.len());
    assert_eq!(checks, cells.len() * scene::KINDS.len() * RUNS.len());
    let wrong: Vec<String> = cells.values().flatten().cloned().collect();
    // Written past the capture of the test runner: the figure is what the test is for.
    writeln!(
        std::io::stderr(),
        "matrix, {event:?}: {} cells, each under {} kinds of policy, run {RUNS:?} times; {} wrong",
        cells.len(),
        scene::KINDS.len(),
        cells.values().filter(|findings| !findings.is_empty()).count()
    )?;
    assert!(wrong.is_empty(), "wrong:\n{}", wrong.join("\n"));
    Ok(())
}

/// What a form on the table of one kind of policy showed: nothing when it was right.
type Finding = (&'static str, Option<String>);

/// One connection through one event.
fn scenario(scene: &Scene, event: Event, mode: &str, runs: usize) -> Result<Vec<Finding>> {
    // A session that expires too early for a slow machine gets longer the next time.
    for life in [1_500, 6_000, 24_000].map(Duration::from_millis) {
        let mut user = scene.database.connect(role::USER)?;
        user.batch_execute(&format!("SET plan_cache_mode = {mode}"))?;
        let token = event.log_in(scene, life)?;
        let mut forms = Form::all(&mut user, &scene::KINDS)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        let before: Vec<bool> = forms
            .iter_mut()
            .map(|form| {
                (0..runs).all(|_| outcome(form.run(&mut user)).is_ok_and(|rows| rows == scene::of("East")))
            })
            .collect();
        if before.contains(&false) && event == Event::Expire && life < Duration::from_secs(24) {
            continue;
        }
        event.happen(scene, &mut user, &token, life)?;
        user.batch_execute("SAVEPOINT after")?;
        let (mut findings, mut fresh) = (vec![], HashMap::new());
        for (form, was_right) in forms.iter_mut().zip(before) {
            // One fresh connection for each table; the forms on it all ask the same.
            if !fresh.contains_key(&form.plain) {
                fresh.insert(form.plain.clone(), event.fresh(scene, &token, &form.plain)?);
            }
            let expected = &fresh[&form.plain];
            let seen: Vec<Outcome<Vec<i32>>> = (0..runs)
                .map(|_| {
                    let seen = outcome(form.run(&mut user));
                    if seen.is_err() {
                        // What fails, fails in a savepoint, so that the next form is asked too.
                        user.batch_execute("ROLLBACK TO after").unwrap();
                    }
                    seen
                })
                .collect();
            let is_right = was_right && seen.iter().all(|seen| event.accepts(seen, expected));
            let finding = (!is_right).then(|| {
                format!("{event:?}, {mode}, {runs} runs, {} on {}: right before: {was_right}; after: {seen:?}; fresh: {expected:?}", form.name, form.kind)
            });
            findings.push((form.name, finding));
        }
        user.batch_execute("ROLLBACK")?;
        event.undo(scene)?;
        return Ok(findings);
    }
    Err("no life was long enough".into())
}

/// The forms find stale plans where there are some: a native policy whose function claims to be immutable.
#[test]
fn control_plans_of_an_immutable_identity_are_stale() -> Result<()> {
    let database = scene::stale_control()?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("SET plan_cache_mode = force_generic_plan")?;
    let mut forms = Form::all(&mut user, &["stale"])?;
    user.batch_execute("SET app.region = 'East'")?;
    for form in &mut forms {
        for _ in 0..6 {
            assert_eq!(form.run(&mut user)?, scene::of("East"), "{}", form.name);
        }
    }
    user.batch_execute("SET app.region = 'West'")?;
    let mut stale = vec![];
    for form in &mut forms {
        if form.run(&mut user)? != scene::of("West") {
            stale.push(form.name);
        }
    }
    assert!(stale.len() >= 9, "only {stale:?} were found stale");
    Ok(())
}

/// The defence off, in our own policies: a function that reads the session but is declared static leaves its plans unmarked,
/// and the forms find the former session's rows.
#[test]
fn control_plans_without_a_marker_are_stale() -> Result<()> {
    let scene = scene::unmarked_control()?;
    let mut user = scene.database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &scene.east)?;
    let mut forms = Form::all(&mut user, &["unmarked"])?;
    for token in [&scene.east, &scene.west] {
        attach(&mut user, token)?;
        for form in &mut forms {
            assert_eq!(form.run(&mut user)?, scene::of("East"), "{}", form.name);
        }
    }
    Ok(())
}

macro_rules! cells_of {
    ($($test:ident: $event:ident;)*) => {$(
        #[test]
        fn $test() -> Result<()> {
            check(&Scene::new()?, Event::$event)
        }
    )*};
}

cells_of! {
    no_plan_is_stale_after_attaching_another_session: AttachOther;
    no_plan_is_stale_after_another_session_in_the_next_transaction: NextTransaction;
    no_plan_is_stale_after_attaching_the_same_session_again: Reattach;
    no_plan_is_stale_after_detaching: Detach;
    no_plan_is_stale_after_the_session_expired: Expire;
    no_plan_is_stale_after_the_session_was_closed: Close;
    no_plan_is_stale_after_a_policy_edit: PolicyEdit;
    no_plan_is_stale_after_the_roles_of_the_session_were_edited: RoleEdit;
    no_plan_is_stale_after_the_groups_of_the_session_were_edited: GroupEdit;
    no_plan_is_stale_after_a_role_was_granted_to_the_user: Grant;
}
