//! The corpus of statements over masked columns, once more over sealed ones: what no statement prints without the privilege, and what all of them give with it.

use vpd_tests::{Database, Outcome, Refusal, Result, Subject};

use crate::attack::mask_corpus::{ORACLES, REVEALING};
use crate::masks::scene::{bare_staff, is_revealing, nobody, sealed_staff, told};

/// What sealed types do not have, by the page about them: no order, no functions and operators of their own beside equality, no common type with
/// values in the clear, and no mixture with these where values are hashed or sorted.
const MISSING: [(&str, &str); 9] = [
    ("0A000", "not_ordered"),
    // PostgreSQL's own words where rows are compared whose columns have no order.
    ("0A000", ""),
    ("0A000", "open_among_sealed"),
    ("42883", ""),
    ("42804", ""),
    ("42846", ""),
    ("42P16", "key_not_named"),
    ("42725", ""),
    ("22P02", ""),
];

/// What a session without the privilege is refused besides; a column that takes no NULL refuses one that hides a value.
const HIDDEN: [(&str, &str); 3] = [
    ("42501", "unseal_refused"),
    ("42501", "column_masked"),
    ("23502", ""),
];

/// Other values, which are as hidden.
const CHANGED: &str = "UPDATE shop.staff SET salary = 17 * id, ssn = 'other ' || id";

/// The same rows with values in the clear, for who may unseal: every operation of the server is there.
const OPENED: &str = "
SET ROLE app_owner;
CREATE VIEW shop.opened WITH (security_invoker) AS
    SELECT id, name, region, {salary} AS salary, {ssn} AS ssn, note FROM shop.staff;
GRANT ALL ON shop.opened TO app_user;
";

fn corpus() -> impl Iterator<Item = &'static str> {
    REVEALING.iter().chain(ORACLES).copied()
}

fn is_among(refusal: &Refusal, known: &[(&str, &str)]) -> bool {
    let token = refusal.token.as_deref().unwrap_or_default();
    known
        .iter()
        .any(|(state, known)| refusal.state.code() == *state && token == *known)
}

fn manager(database: &Database<'_>) -> Result<String> {
    Subject::in_region("carol", "Nowhere")
        .privilege("pii:read")
        .log_in(database)
}

/// What a statement told, without the order of its rows and the quotes of JSON, in which a sealed number is a string; and without numbers of rows and
/// transactions, which no two tables share.
fn comparable(script: &str, told: Outcome<String>) -> std::result::Result<Vec<String>, String> {
    let has_own_numbers = script.contains("ctid") || script.starts_with("EXPLAIN");
    told.map(|text| {
        let mut lines: Vec<String> = text.lines().map(|line| line.replace('"', "")).collect();
        lines.sort();
        if has_own_numbers { vec![] } else { lines }
    })
    .map_err(|refusal| refusal.state.code().to_owned())
}

fn open_view(database: &Database<'_>, salary: &str, ssn: &str) -> Result<()> {
    let view = OPENED.replace("{salary}", salary).replace("{ssn}", ssn);
    Ok(database.admin()?.batch_execute(&view)?)
}

#[test]
fn no_statement_prints_a_sealed_value_or_depends_on_one() -> Result<()> {
    let mut wrong = Vec::new();
    for hidden_as in ["mask", "null", "error"] {
        let database = sealed_staff(hidden_as)?;
        let token = nobody(&database)?;
        open_view(&database, "vpd.unseal(salary)::integer", "vpd.unseal(ssn)")?;
        let mut answers = Vec::new();
        for script in corpus() {
            let told = told(&database, &token, script)?;
            let is_hidden = match &told {
                Ok(text) => !is_revealing(text),
                // A statement may hold a number of its own, and an error repeat it.
                Err(refusal) => {
                    (is_revealing(script) || !is_revealing(&refusal.text))
                        && (is_among(refusal, &MISSING) || is_among(refusal, &HIDDEN))
                }
            };
            if !is_hidden {
                wrong.push(format!("hidden as {hidden_as}: {script}: {told:?}"));
            }
            answers.push(comparable(script, told));
            let opened = script.replace("shop.staff", "shop.opened");
            let told = crate::masks::scene::told(&database, &token, &opened)?;
            let text = told.unwrap_or_else(|refusal| refusal.text);
            if is_revealing(&text) && !is_revealing(script) {
                wrong.push(format!("hidden as {hidden_as}: {opened}: {text}"));
            }
        }
        database.admin()?.batch_execute(CHANGED)?;
        for (script, before) in corpus().zip(answers) {
            let after = comparable(script, told(&database, &token, script)?);
            if after != before {
                wrong.push(format!(
                    "hidden as {hidden_as}: {script}: {before:?}, then {after:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn with_the_privilege_statements_give_what_the_twin_gives() -> Result<()> {
    let (twin, sealed) = (bare_staff()?, sealed_staff("mask")?);
    let (of_twin, of_sealed) = (manager(&twin)?, manager(&sealed)?);
    open_view(&twin, "salary + 0", "ssn || ''")?;
    open_view(&sealed, "vpd.unseal(salary)::integer", "vpd.unseal(ssn)")?;
    let (mut wrong, mut equal) = (Vec::new(), 0);
    for script in corpus() {
        let expected = comparable(script, told(&twin, &of_twin, script)?);
        let given = told(&sealed, &of_sealed, script)?;
        let is_missing = given.as_ref().is_err_and(|refusal| is_among(refusal, &MISSING));
        equal += usize::from(!is_missing);
        let words = format!("{given:?}");
        if !is_missing && comparable(script, given) != expected {
            wrong.push(format!("{script}: {words}, and not {expected:?}"));
        }
        // Unsealed by a view, it is the same throughout, operations that sealed types do not have among them.
        let script = script.replace("shop.staff", "shop.opened");
        let expected = comparable(&script, told(&twin, &of_twin, &script)?);
        let given = told(&sealed, &of_sealed, &script)?;
        let words = format!("{given:?}");
        if comparable(&script, given) != expected {
            wrong.push(format!("{script}: {words}, and not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(equal * 2 > corpus().count(), "most of them are there: {equal}");
    Ok(())
}
