//! Rules change the query of the server itself, and what they bring along is rewritten with it, past forced row security.

use super::cell::probe;
use super::{bare, begin, protected};
use vpd_tests::{Database, Outcome, Result, Subject, assert_refused, outcome, role};

/// Rules of the referring table `c` that read the owner's table past its policies: a name, the rule on DELETE.
const RULES: &[(&str, &str)] = &[
    (
        "DO ALSO",
        "DO ALSO INSERT INTO kept SELECT id, amount FROM shop.all_orders",
    ),
    (
        "view over a view",
        "DO ALSO INSERT INTO kept SELECT id, amount FROM shop.over_view",
    ),
    (
        "INSTEAD",
        "DO INSTEAD INSERT INTO kept SELECT id, amount FROM shop.all_orders",
    ),
    (
        "conditional INSTEAD",
        "WHERE OLD.id > 0 DO INSTEAD INSERT INTO kept SELECT id, amount FROM shop.all_orders",
    ),
    (
        "condition",
        "WHERE (SELECT count(*) FROM shop.all_orders) > 30 DO INSTEAD INSERT INTO kept VALUES (40)",
    ),
    (
        "condition of DO ALSO",
        "WHERE EXISTS (SELECT FROM shop.all_orders WHERE id = 1) DO ALSO INSERT INTO kept VALUES (1)",
    ),
    (
        "sub-select in the target list",
        "DO ALSO INSERT INTO kept VALUES ((SELECT max(amount) FROM shop.all_orders))",
    ),
    (
        "WITH",
        "DO ALSO INSERT INTO kept WITH w AS MATERIALIZED (SELECT id, amount FROM shop.all_orders) SELECT * FROM w",
    ),
    (
        "join",
        "DO ALSO INSERT INTO kept SELECT o.id FROM shop.all_orders o JOIN c ON c.id < o.id",
    ),
    (
        "UPDATE of another table",
        "DO ALSO UPDATE other SET id = (SELECT sum(id) FROM shop.all_orders)",
    ),
    (
        "DELETE USING",
        "DO ALSO DELETE FROM other USING shop.all_orders o WHERE o.id = 1",
    ),
];

/// Starts a cascade on a table with the rule; gives the rows that were kept or changed.
fn cascade(database: &Database<'_>, role: &str, rule: &str) -> Result<Outcome<i64>> {
    let mut client = database.connect(role)?;
    client.batch_execute(&format!(
        "BEGIN; {probe}
         CREATE TEMP TABLE p (id integer PRIMARY KEY); CREATE TEMP TABLE c (id integer REFERENCES p ON DELETE CASCADE);
         CREATE TEMP TABLE kept (id integer, amount integer); CREATE TEMP TABLE other AS SELECT 0 AS id;
         CREATE RULE r AS ON DELETE TO c {rule};
         INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
        probe = probe("shop.all_orders"),
    ))?;
    let deleted = outcome(client.execute("DELETE FROM p", &[]));
    Ok(match deleted {
        // The server cannot tell what an INSTEAD rule came to.
        Err(refusal) if refusal.state.code() == "XX000" => Ok(-1),
        Err(refusal) => Err(refusal),
        Ok(_) => Ok(client
            .query_one(
                "SELECT (SELECT count(*) FROM kept WHERE id IS NOT NULL) + (SELECT count(*) FROM (VALUES (0)) v (id)
                     WHERE id NOT IN (SELECT coalesce(id, 0) FROM other))",
                &[],
            )?
            .get(0)),
    })
}

#[test]
fn control_a_rule_in_a_cascade_reads_past_forced_row_security() -> Result<()> {
    let (database, _) = bare()?;
    for (name, rule) in RULES {
        let kept = cascade(&database, role::USER, rule)?;
        assert!(kept.as_ref().is_ok_and(|count| *count != 0), "{name}: {kept:?}");
    }
    Ok(())
}

#[test]
fn a_rule_in_a_cascade_may_not_read_a_table_under_policy() -> Result<()> {
    let (database, _) = protected()?;
    for (name, rule) in RULES {
        for on in ["DELETE", "UPDATE"] {
            let mut client = database.connect(role::USER)?;
            client.batch_execute(&format!(
                "BEGIN;
                 CREATE TEMP TABLE p (id integer PRIMARY KEY);
                 CREATE TEMP TABLE c (id integer REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
                 CREATE TEMP TABLE kept (id integer, amount integer); CREATE TEMP TABLE other AS SELECT 0 AS id;
                 CREATE RULE r AS ON {on} TO c {rule};
                 INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)"
            ))?;
            let fire = if on == "DELETE" {
                "DELETE FROM p"
            } else {
                "UPDATE p SET id = 2"
            };
            for _ in 0..2 {
                client.batch_execute("SAVEPOINT s")?;
                let refusal = assert_refused(client.execute(fire, &[]), "42501", "rule_refused");
                assert!(!refusal.text.contains("orders"), "{name}: {refusal:?}");
                client.batch_execute("ROLLBACK TO s")?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_rule_that_reads_under_policy_anyway_goes_on() -> Result<()> {
    let (database, _) = protected()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.log (id integer, amount integer); GRANT ALL ON shop.log TO app_user",
    )?;
    for (rule, expected) in [
        (
            "DO ALSO INSERT INTO shop.log SELECT id, amount FROM shop.orders",
            10,
        ),
        ("DO ALSO INSERT INTO shop.log VALUES (OLD.id)", 1),
    ] {
        let mut user = database.connect(role::USER)?;
        begin(&mut user, Some(&token))?;
        user.batch_execute(&format!(
            "CREATE TEMP TABLE p (id integer PRIMARY KEY) ON COMMIT DROP;
             CREATE TEMP TABLE c (id integer REFERENCES p ON DELETE CASCADE) ON COMMIT DROP;
             CREATE RULE r AS ON DELETE TO c {rule};
             INSERT INTO p VALUES (1); INSERT INTO c VALUES (1); DELETE FROM p"
        ))?;
        let row = user.query_one("SELECT count(*), coalesce(sum(amount), 0) FROM shop.log", &[])?;
        // With the mask in place of the amounts.
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1)),
            (expected, 0),
            "{rule}"
        );
        assert!(user.query("SELECT FROM c", &[])?.is_empty(), "{rule}");
    }
    Ok(())
}
