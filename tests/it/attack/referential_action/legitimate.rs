//! The server's own query must reach hidden rows, or references dangle; triggers of a cascade go on working, under policy.

use super::protected;
use vpd_tests::{Result, Subject, attach, ids, role};

#[test]
fn actions_reach_hidden_rows_while_triggers_inside_them_do_not() -> Result<()> {
    let (database, _) = protected()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for (clause, change, gone) in [
        ("ON DELETE CASCADE", "DELETE FROM shop.shops", "id IS NULL"),
        ("ON DELETE SET NULL", "DELETE FROM shop.shops", "shop IS NULL"),
        (
            "ON DELETE SET DEFAULT",
            "DELETE FROM shop.shops WHERE id = 1",
            "shop = 2",
        ),
        (
            "ON UPDATE CASCADE",
            "UPDATE shop.shops SET id = 3 WHERE id = 1",
            "shop = 3",
        ),
    ] {
        database.admin()?.batch_execute(&format!(
            "CREATE TABLE shop.shops (id integer PRIMARY KEY); INSERT INTO shop.shops VALUES (1), (2);
             CREATE TABLE shop.log (seen bigint);
             GRANT ALL ON shop.shops, shop.log TO app_user, app_owner; ALTER TABLE shop.shops OWNER TO app_owner;
             ALTER TABLE shop.orders ADD shop integer DEFAULT 2 REFERENCES shop.shops {clause};
             UPDATE shop.orders SET shop = 1;
             CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 INSERT INTO shop.log SELECT count(*) FROM shop.orders;
                 IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;
             END $$;
             ALTER FUNCTION shop.note() OWNER TO app_owner;
             CREATE TRIGGER note BEFORE UPDATE OR DELETE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note()"
        ))?;
        let mut user = database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(change)?;
        session.commit()?;
        let mut admin = database.admin()?;
        let log = admin.query_one("SELECT count(*), max(seen) FROM shop.log", &[])?;
        assert_eq!(
            log.get::<_, i64>(0),
            40,
            "{clause}: the trigger ran for every row"
        );
        assert!(
            log.get::<_, i64>(1) <= 10,
            "{clause}: what it read was under policy"
        );
        let left = ids(
            &mut admin,
            &format!("SELECT id FROM shop.orders WHERE NOT coalesce({gone}, false)"),
        )?;
        assert!(left.is_empty(), "{clause}: {left:?}");
        admin.batch_execute(
            "DROP TRIGGER note ON shop.orders; DROP FUNCTION shop.note(); ALTER TABLE shop.orders DROP shop;
             DROP TABLE shop.shops, shop.log;
             INSERT INTO shop.orders SELECT n, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4], n * 10
                 FROM generate_series(1, 40) n ON CONFLICT DO NOTHING",
        )?;
    }
    Ok(())
}

#[test]
fn checks_reach_hidden_rows() -> Result<()> {
    let (database, _) = protected()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.lines (id integer PRIMARY KEY, order_id integer REFERENCES shop.orders DEFERRABLE INITIALLY DEFERRED);
         GRANT ALL ON shop.lines TO app_user",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for (statement, is_good) in [
        ("INSERT INTO shop.lines VALUES (1, 3)", true),
        ("INSERT INTO shop.lines VALUES (2, 777)", false),
        ("UPDATE shop.lines SET order_id = 4", true),
        ("UPDATE shop.lines SET order_id = 777", false),
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        session.batch_execute(statement)?;
        assert_eq!(session.commit().is_ok(), is_good, "{statement}");
    }
    Ok(())
}
