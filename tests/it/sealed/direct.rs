//! Texts that go to their column, or to a comparison with one, in one step: as the steps would, and past none of their refusals.

use vpd_tests::{Result, Subject, attach, outcome, role};

use super::scene::{clerk, manager, people, seen, without_session};
use crate::masks::scene::told_in;

/// Statements, what their plans have, and what they have not.
const PLANS: &[(&str, &str, &str)] = &[
    (
        "INSERT INTO shop.people (id, ssn) SELECT id + 10, ssn FROM shop.twins",
        "sealed_text_stored(",
        "sealed_coerce(",
    ),
    (
        "INSERT INTO shop.people (id, points) SELECT id + 10, points FROM shop.twins",
        "sealed_numeric_stored(",
        "sealed_coerce(",
    ),
    (
        "UPDATE shop.people SET email = lower('A'), born = date '2000-01-01' + id",
        "sealed_date_stored(",
        "sealed_coerce(",
    ),
    (
        "UPDATE shop.people SET email = 'A'",
        "'A'::vpd.sealed_text",
        "sealed_coerce(",
    ),
    (
        "SELECT id FROM shop.people WHERE ssn = lower('A')",
        "sealed_text_sought(",
        "sealed_tagged(",
    ),
    (
        "SELECT id FROM shop.people WHERE points = 2",
        "sealed_numeric_sought(",
        "sealed_tagged(",
    ),
    (
        "SELECT p.id FROM shop.people p JOIN shop.twins t ON t.email = p.email",
        "sealed_text_sought(",
        "sealed_tagged(",
    ),
];

#[test]
fn a_text_is_where_it_was_and_nowhere_else() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    for (statement, has, has_not) in PLANS {
        let plan = seen(
            &database,
            &manager,
            &format!("EXPLAIN (VERBOSE, COSTS OFF) {statement}"),
        )?;
        let plan = plan.map_err(|refusal| refusal.text)?;
        assert!(
            plan.contains(has) && !plan.contains(has_not),
            "{statement}: {plan}"
        );
    }
    Ok(())
}

#[test]
fn parameters_of_every_type_come_in_and_are_found() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.batch_execute(
        "PREPARE put (integer, text, varchar, char(9), numeric, date, bytea, jsonb) AS
             INSERT INTO shop.people (id, ssn, email, hint, points, born, badge, profile) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn, email = $3, points = $5;
         PREPARE look (text, varchar, numeric, date, bytea, jsonb) AS
             SELECT id FROM shop.people WHERE ssn = $1 AND email = $2 AND points = $3 AND born = $4 AND badge = $5 AND profile = $6;
         PREPARE among (text[], varchar[], numeric[]) AS
             SELECT count(*) FROM shop.people WHERE ssn = ANY ($1) AND email = ANY ($2) AND points = ANY ($3)",
    )?;
    let values = r#"'new', 'mail', 4.50, '2001-02-03', '\x00ff', '{"a":  1}'"#;
    // Planned for its parameters and, after five executions, for any.
    for number in 0..8 {
        session.batch_execute(
            r#"EXECUTE put (20, 'old', 'mail', 'pad', 4.50, '2001-02-03', '\x00ff', '{"a": 1}');
               EXECUTE put (20, 'new', 'mail', 'pad', 4.50, '2001-02-03', '\x00ff', '{"a": 1}')"#,
        )?;
        let found = told_in(&mut session, &format!("EXECUTE look ({values})"))?;
        assert_eq!(found, "20|\n", "{number}");
        let among = "EXECUTE among (ARRAY['none', 'new', NULL], ARRAY['mail'], ARRAY[1, 4.5])";
        assert_eq!(told_in(&mut session, among)?, "1|\n", "{number}");
        let none = "EXECUTE among (ARRAY['none', NULL], ARRAY['mail'], ARRAY[1, 4.5])";
        assert_eq!(told_in(&mut session, none)?, "0|\n", "{number}");
    }
    let shown = "SELECT ssn, email, '<' || vpd.unseal(hint) || '>', points, born, badge, profile FROM shop.people WHERE id = 20";
    assert_eq!(
        told_in(&mut session, shown)?,
        "new|mail|<pad>|4.50|2001-02-03|\\x00ff|{\"a\": 1}|\n"
    );
    session.batch_execute("EXECUTE put (21, NULL, NULL, NULL, NULL, NULL, NULL, NULL)")?;
    let nothing = "SELECT count(*) FROM shop.people WHERE id = 21 AND ssn IS NULL AND points IS NULL";
    assert_eq!(told_in(&mut session, nothing)?, "1|\n");
    Ok(())
}

#[test]
fn an_envelope_in_a_text_is_for_its_column_or_for_who_may_unseal() -> Result<()> {
    let database = people()?;
    let (manager, clerk) = (manager(&database)?, clerk(&database)?);
    let own = "SELECT ssn::text FROM shop.people WHERE id = 1";
    let own = without_session(&database, "postgres", own)?.map_err(|refusal| refusal.text)?;
    let own = own.trim_end_matches("|\n");
    assert!(own.starts_with("vpd:sealed:"), "{own}");
    for (set, token) in [
        (format!("email = concat('{own}')"), "unseal_refused"),
        (
            format!("points = CAST(concat('{own}') AS vpd.sealed_numeric)"),
            "envelope_broken",
        ),
        ("ssn = concat('vpd:sealed:AAAA')".to_owned(), "envelope_broken"),
    ] {
        let update = format!("UPDATE shop.people SET {set} WHERE id = 2");
        let refused = without_session(&database, role::OWNER, &update)?;
        let token_of = refused.err().and_then(|refusal| refusal.token);
        assert_eq!(token_of.as_deref(), Some(token), "{set}");
    }
    // Into its own column it comes back as it was, whoever brings it.
    let back = format!(
        "DELETE FROM shop.people WHERE id = 1; INSERT INTO shop.people (id, ssn) SELECT 1, concat('{own}')"
    );
    assert!(without_session(&database, role::OWNER, &back)?.is_ok());
    let again = without_session(
        &database,
        "postgres",
        "SELECT ssn::text FROM shop.people WHERE id = 1",
    )?;
    assert_eq!(
        again.map_err(|refusal| refusal.text)?.trim_end_matches("|\n"),
        own
    );
    // Compared it is itself, and to somebody who sees masks nothing.
    let by_envelope = format!("SELECT id FROM shop.people WHERE ssn = concat('{own}')");
    assert_eq!(seen(&database, &manager, &by_envelope)?.as_deref(), Ok("1|"));
    assert_eq!(
        seen(&database, &clerk, &by_envelope)?
            .as_deref()
            .unwrap_or_default(),
        ""
    );
    // Who may unseal may move it.
    let moved = format!("INSERT INTO shop.people (id, email) SELECT 30, concat('{own}')");
    let reader = Subject::new("reader").privilege("pii:read").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &reader)?;
    session.batch_execute(&moved)?;
    assert_eq!(
        told_in(&mut session, "SELECT email FROM shop.people WHERE id = 30")?,
        "555-101|\n"
    );
    session.rollback()?;
    let mut session = user.transaction()?;
    attach(&mut session, &clerk)?;
    let refused = outcome(session.batch_execute(&moved))
        .err()
        .and_then(|refusal| refusal.token);
    assert_eq!(refused.as_deref(), Some("unseal_refused"));
    Ok(())
}

#[test]
fn a_guess_is_no_easier_in_one_step() -> Result<()> {
    let database = people()?;
    let clerk = clerk(&database)?;
    for guess in [
        "SELECT id FROM shop.people WHERE ssn = lower('555-103')",
        "SELECT id FROM shop.people WHERE ssn = ANY (ARRAY[lower('555-103')])",
        "SELECT id FROM shop.people WHERE ssn = CAST(lower('555-103') AS vpd.sealed_text('pii'))",
    ] {
        for role in [role::USER, role::OWNER, "postgres"] {
            let refused = without_session(&database, role, guess)?;
            let token = refused.err().and_then(|refusal| refusal.token);
            assert!(
                matches!(token.as_deref(), Some("unseal_refused" | "open_among_sealed")),
                "{role}: {guess}: {token:?}"
            );
        }
        let told = seen(&database, &clerk, guess)?;
        assert!(told.as_deref().map_or(true, str::is_empty), "{guess}: {told:?}");
    }
    // Of his own the clerk finds what the mask is, and no tag of the key.
    let masks = "SELECT count(*) FROM shop.people WHERE ssn = lower('•••')";
    assert_eq!(seen(&database, &clerk, masks)?.as_deref(), Ok("6|"));
    // And nobody calls the step itself.
    let called = "SELECT vpd_private.sealed_text_sought('555-103', 1)";
    let refused = seen(&database, &clerk, called)?.map_err(|refusal| refusal.state.code().to_owned());
    assert_eq!(refused, Err("42501".to_owned()));
    Ok(())
}
