//! Masks and what hangs together with a table: other tables, partitions, views, keys, statistics.

use super::scene::{SALARY, add_mask, bare_staff, in_region, is_revealing, masked_staff, nobody};
use super::{refused, seen};
use vpd_tests::{Database, Result, Subject, assert_refused, create_orders, fresh_ids, ids, outcome, role};

#[test]
fn foreign_keys_and_triggers_work_on_the_values() -> Result<()> {
    let database = bare_staff()?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.staff ADD UNIQUE (ssn);
         CREATE TABLE shop.badges (ssn varchar(11) REFERENCES shop.staff (ssn) ON UPDATE CASCADE ON DELETE CASCADE);
         ALTER TABLE shop.badges OWNER TO app_owner;
         GRANT ALL ON shop.badges TO app_user;
         CREATE TABLE shop.journal (what text); GRANT ALL ON shop.journal TO app_user;
         CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO shop.journal VALUES (OLD.ssn); RETURN coalesce(NEW, OLD); END$$;
         CREATE TRIGGER note AFTER UPDATE OR DELETE ON shop.staff FOR EACH ROW EXECUTE FUNCTION shop.note()",
    )?;
    add_mask(
        &database,
        "ssn",
        "'***'",
        "region = vpd.attribute('app', 'region')",
    )?;
    let token = in_region(&database, "East")?;
    let told = seen(
        &database,
        &token,
        "INSERT INTO shop.badges VALUES ('555-11-6711'), ('555-12-6722');
         UPDATE shop.staff SET note = 'x' WHERE id = 1;
         UPDATE shop.staff SET ssn = '555-99-9999' WHERE id = 2;
         SELECT * FROM shop.badges ORDER BY 1; SELECT * FROM shop.journal ORDER BY 1",
    )?;
    assert_eq!(told, "555-11-6711|\n555-99-9999|\n555-11-6711|\n555-12-6722|\n");
    let gone = seen(
        &database,
        &token,
        "INSERT INTO shop.badges VALUES ('555-11-6711'); DELETE FROM shop.staff WHERE id = 1; TABLE shop.badges",
    )?;
    assert_eq!(gone, "");
    Ok(())
}

#[test]
fn a_predicate_may_read_other_tables_as_the_session_does() -> Result<()> {
    let database = bare_staff()?;
    create_tables_of_watchers(&database)?;
    add_mask(
        &database,
        "salary",
        "0",
        "EXISTS (SELECT FROM shop.watch w WHERE w.id = staff.id AND w.who = vpd.user_name())",
    )?;
    let salaries = "SELECT id FROM shop.staff WHERE salary > 0";
    let alice = Subject::new("alice").log_in(&database)?;
    let bob = Subject::new("bob").log_in(&database)?;
    assert_eq!(fresh_ids(&database, Some(&alice), salaries)?, [2, 4]);
    assert_eq!(fresh_ids(&database, Some(&bob), salaries)?, [5]);
    // Rows of the other table that a policy hides are not read by the mask either.
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.watch",
        "even",
        "id = 4",
    )?;
    assert_eq!(fresh_ids(&database, Some(&alice), salaries)?, [4]);
    let told = seen(
        &database,
        &alice,
        "UPDATE shop.staff SET salary = 7 WHERE id = 4 RETURNING salary",
    )?;
    assert_eq!(told, "7|\n");
    let refused = refused(&database, &alice, "UPDATE shop.staff SET salary = 7 WHERE id = 2")?;
    assert_eq!(refused, ("42501".into(), Some("column_masked".into())));
    Ok(())
}

fn create_tables_of_watchers(database: &Database<'_>) -> Result<()> {
    database.admin()?.batch_execute(
        "CREATE TABLE shop.watch (id integer, who text);
         INSERT INTO shop.watch VALUES (2, 'alice'), (4, 'alice'), (5, 'bob');
         GRANT ALL ON shop.watch TO app_user",
    )?;
    Ok(())
}

#[test]
fn masks_that_lead_back_to_their_table_are_refused() -> Result<()> {
    let database = bare_staff()?;
    create_tables_of_watchers(&database)?;
    add_mask(
        &database,
        "salary",
        "0",
        "EXISTS (SELECT FROM shop.watch w WHERE w.id = staff.id)",
    )?;
    database.connect(role::SECURITY)?.execute(
        "SELECT vpd.add_mask('shop.watch', 'who', 'NULL', 'EXISTS (SELECT FROM shop.staff s WHERE s.salary > watch.id)')",
        &[],
    )?;
    let token = nobody(&database)?;
    assert_eq!(
        refused(&database, &token, "SELECT salary FROM shop.staff")?,
        ("42P17".into(), Some("mask_recursive".into()))
    );
    Ok(())
}

#[test]
fn partitions_and_children_have_the_masks_of_their_parents() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE TABLE shop.staff (id integer, salary integer) PARTITION BY RANGE (id);
         CREATE TABLE shop.staff_a PARTITION OF shop.staff FOR VALUES FROM (0) TO (5);
         CREATE TABLE shop.staff_b (salary integer, gone text, id integer);
         ALTER TABLE shop.staff_b DROP COLUMN gone;
         ALTER TABLE shop.staff ATTACH PARTITION shop.staff_b FOR VALUES FROM (5) TO (10);
         INSERT INTO shop.staff SELECT n, 910000 + n FROM generate_series(1, 8) n;
         GRANT ALL ON ALL TABLES IN SCHEMA shop TO app_user",
    )?;
    add_mask(&database, "salary", "staff.id", "staff.id = 6")?;
    let token = nobody(&database)?;
    let clear = "SELECT id FROM shop.staff WHERE salary > 900000";
    assert_eq!(fresh_ids(&database, Some(&token), clear)?, [6]);
    assert_eq!(
        seen(
            &database,
            &token,
            "SELECT s FROM shop.staff s WHERE id IN (2, 6, 7) ORDER BY id"
        )?,
        "(2,2)|\n(6,910006)|\n(7,7)|\n"
    );
    // A partition shows nothing by itself; with a policy of its own it still has the mask.
    assert!(fresh_ids(&database, Some(&token), "SELECT id FROM shop.staff_b")?.is_empty());
    vpd_tests::add_policy(
        &mut database.connect(role::SECURITY)?,
        "shop.staff_b",
        "all",
        "true",
    )?;
    assert_eq!(
        seen(&database, &token, "SELECT s FROM shop.staff_b s ORDER BY id")?,
        "(5,5)|\n(910006,6)|\n(7,7)|\n(8,8)|\n"
    );
    let moved = seen(
        &database,
        &token,
        "UPDATE shop.staff SET id = 3 WHERE id = 6 RETURNING id, salary; SELECT count(*) FROM shop.staff WHERE id = 3",
    )?;
    assert_eq!(moved, "3|3|\n2|\n");
    // A table with masks would show its values through a new parent.
    database.admin()?.batch_execute(
        "CREATE TABLE shop.single (id integer, salary integer); CREATE TABLE shop.all_of_them (id integer, salary integer)",
    )?;
    database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.add_mask('shop.single', 'salary')", &[])?;
    assert_refused(
        database
            .admin()?
            .execute("ALTER TABLE shop.single INHERIT shop.all_of_them", &[]),
        "42809",
        "relation_unsupported",
    );
    Ok(())
}

#[test]
fn views_show_what_their_owner_may_see() -> Result<()> {
    let database = masked_staff()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE VIEW shop.owned AS SELECT * FROM shop.staff; ALTER VIEW shop.owned OWNER TO app_owner;
         CREATE VIEW shop.invoked WITH (security_invoker) AS SELECT * FROM shop.staff;
         CREATE VIEW shop.barrier WITH (security_barrier) AS SELECT * FROM shop.staff; ALTER VIEW shop.barrier OWNER TO app_owner;
         CREATE VIEW shop.open AS SELECT * FROM shop.staff;
         GRANT ALL ON shop.owned, shop.invoked, shop.barrier, shop.open TO app_user",
    )?;
    let token = nobody(&database)?;
    for view in ["owned", "invoked", "barrier"] {
        for script in [
            format!("TABLE shop.{view}"),
            format!("SELECT v FROM shop.{view} v"),
            format!("UPDATE shop.{view} SET note = salary::text RETURNING *"),
            format!("DELETE FROM shop.{view} RETURNING ssn, salary"),
        ] {
            let text = seen(&database, &token, &script)?;
            assert!(!text.is_empty() && !is_revealing(&text), "{script}: {text}");
        }
    }
    // A superuser's view shows everything, as it shows every row.
    assert!(seen(&database, &token, "TABLE shop.open")?.contains(SALARY));
    Ok(())
}

#[test]
fn statistics_of_a_masked_column_are_hidden() -> Result<()> {
    let database = masked_staff()?;
    database.admin()?.batch_execute("ANALYZE shop.staff")?;
    let statistics = "SELECT FROM pg_stats WHERE tablename = 'staff' AND attname = 'salary'";
    assert!(!database.admin()?.query(statistics, &[])?.is_empty(), "control");
    assert!(database.connect(role::USER)?.query(statistics, &[])?.is_empty());
    Ok(())
}

#[test]
fn tables_without_masks_are_planned_as_ever() -> Result<()> {
    let database = masked_staff()?;
    create_tables_of_watchers(&database)?;
    let mut user = database.connect(role::USER)?;
    assert_eq!(ids(&mut user, "SELECT id FROM shop.watch")?, [2, 4, 5]);
    let other = Database::create()?;
    create_orders(&other)?;
    assert_eq!(
        outcome(ids(&mut other.connect(role::USER)?, "SELECT id FROM shop.orders")).map(|rows| rows.len()),
        Ok(40)
    );
    Ok(())
}
