//! The matrix of stale plans. PostgreSQL keeps plans in many places and does not know when a session changes;
//! a plan made for one user must never answer another.
//!
//! Cells: every form of statement × every kind of policy × every `plan_cache_mode` × every event, each run 1, 6 and 12
//! times before and after the event. The result must be that of a fresh connection in the same state.

mod event;
mod form;
mod scene;

use std::collections::HashMap;
use std::time::Duration;

use vpd_tests::{Outcome, Result, attach, outcome, role};

use event::Event;
use form::Form;
use scene::Scene;

const MODES: [&str; 3] = ["auto", "force_generic_plan", "force_custom_plan"];
const RUNS: [usize; 3] = [1, 6, 12];

/// Runs all forms of all kinds through one event in every mode; collects the cells that are wrong.
fn check(scene: &Scene, event: Event) -> Result<()> {
    let (mut cells, mut wrong) = (0, vec![]);
    for mode in MODES {
        for runs in RUNS {
            let results = scenario(scene, event, mode, runs)?;
            cells += results.len();
            wrong.extend(results.into_iter().flatten());
        }
    }
    assert_eq!(
        cells,
        form::NAMES.len() * scene::KINDS.len() * MODES.len() * RUNS.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {cells} cells are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

/// One connection through one event. Each element is a cell: None when it is right.
fn scenario(scene: &Scene, event: Event, mode: &str, runs: usize) -> Result<Vec<Option<String>>> {
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
        let (mut cells, mut fresh) = (vec![], HashMap::new());
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
            cells.push((!is_right).then(|| {
                format!("{event:?}, {mode}, {runs} runs, {}: right before: {was_right}; after: {seen:?}; fresh: {expected:?}", form.name)
            }));
        }
        user.batch_execute("ROLLBACK")?;
        event.undo(scene)?;
        return Ok(cells);
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
            stale.push(form.name.clone());
        }
    }
    assert!(stale.len() >= 9, "only {stale:?} were found stale");
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
}
