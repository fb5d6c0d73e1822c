//! A mask whose condition asks for a node of a hierarchy, and a connection that goes on when the node is taken away.

use postgres::Client;
use vpd_tests::{Database, Outcome, Result, Subject, attach, outcome, role};

use crate::masks::scene::{SALARY, add_mask, bare_staff, told_in};

fn scene() -> Result<(Database<'static>, String)> {
    let database = bare_staff()?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{part}'); SELECT vpd.define_node('places', 'north');
         SELECT vpd.define_data_group('some'), vpd.define_user('alice'); SELECT vpd.grant_authority('data_group:some', 'user:alice')",
    )?;
    add_mask(
        &database,
        "salary",
        "NULL",
        "vpd.sees_node('places', 'north'::text)",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    Ok((database, token))
}

const SALARIES: &str = "EXECUTE salaries";

/// Whether the connection is shown a salary. A plan that suits no more may be refused, and then the transaction begins again.
fn is_shown(user: &mut Client, token: &str) -> Result<bool> {
    let mut seen: Outcome<String> = outcome(told_in(user, SALARIES));
    if seen
        .as_ref()
        .is_err_and(|refusal| refusal.token.as_deref() == Some("authority_changed"))
    {
        user.batch_execute("ROLLBACK; BEGIN")?;
        attach(user, token)?;
        seen = outcome(told_in(user, SALARIES));
    }
    Ok(seen.map_err(|refusal| refusal.text)?.contains(SALARY))
}

#[test]
fn a_mask_closes_with_what_opened_it() -> Result<()> {
    let (database, token) = scene()?;
    for ending in ["ROLLBACK; BEGIN", "SELECT 1"] {
        let mut user = database.connect(role::USER)?;
        database
            .connect(role::SECURITY)?
            .batch_execute("SELECT vpd.grant_node('some', 'places', 'north')")?;
        user.batch_execute("SET plan_cache_mode = force_generic_plan; PREPARE salaries AS SELECT salary FROM shop.staff; BEGIN")?;
        attach(&mut user, &token)?;
        assert!(is_shown(&mut user, &token)?, "control: it is there to be seen");
        for (change, is_expected) in [
            ("SELECT vpd.revoke_node('some', 'places', 'north')", false),
            ("SELECT vpd.set_hierarchy_mode('places', 'open', 'a test')", true),
            (
                "SELECT vpd.set_hierarchy_mode('places', 'closed', 'a test')",
                false,
            ),
        ] {
            database.connect(role::SECURITY)?.batch_execute(change)?;
            user.batch_execute(ending)?;
            if ending.contains("BEGIN") {
                attach(&mut user, &token)?;
            }
            assert_eq!(is_shown(&mut user, &token)?, is_expected, "{change}, {ending}");
            assert_eq!(is_shown(&mut user, &token)?, is_expected, "{change}, {ending}");
        }
    }
    Ok(())
}
