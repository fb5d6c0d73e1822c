//! Concurrency and referential integrity under policies: what must see every row does, and nothing else.

use postgres::Client;
use vpd_tests::{Result, Subject, attach, ids, outcome, overlapped, protected_orders, refusal, role};

#[test]
fn a_row_that_moved_out_of_sight_meanwhile_is_not_touched() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    for statement in [
        "UPDATE shop.orders SET amount = -1 WHERE id = 1",
        "DELETE FROM shop.orders WHERE id = 1",
    ] {
        let (mut admin, mut user) = (database.admin()?, database.connect(role::USER)?);
        let mut moving = admin.transaction()?;
        moving.execute("UPDATE shop.orders SET region = 'West' WHERE id = 1", &[])?;
        let change = |user: &mut Client| {
            let mut session = user.transaction().unwrap();
            attach(&mut session, &token).unwrap();
            session.execute(statement, &[]).unwrap()
        };
        let (touched, moved) = overlapped(&mut user, &mut database.admin()?, change, || moving.commit())?;
        moved?;
        assert_eq!(touched, 0, "{statement}");
        admin.execute("UPDATE shop.orders SET region = 'East' WHERE id = 1", &[])?;
    }
    Ok(())
}

#[test]
fn referential_integrity_sees_every_row() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.lines (order_id integer REFERENCES shop.orders ON DELETE CASCADE);
         GRANT SELECT, INSERT ON shop.lines TO app_user",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.execute("INSERT INTO shop.lines VALUES (1), (3)", &[])?;
    session.commit()?;
    let missing = refusal(user.execute("INSERT INTO shop.lines VALUES (777)", &[]));
    assert_eq!(missing.state.code(), "23503");
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.execute("DELETE FROM shop.orders WHERE id = 1", &[])?;
    session.commit()?;
    assert_eq!(
        ids(&mut database.admin()?, "SELECT order_id FROM shop.lines")?,
        [3]
    );
    Ok(())
}

#[test]
fn a_policy_on_the_referencing_table_does_not_break_a_cascade() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "SET ROLE app_owner; CREATE TABLE shop.shops (id integer PRIMARY KEY); INSERT INTO shop.shops VALUES (1);
         GRANT ALL ON shop.shops TO app_user; ALTER TABLE shop.orders ADD COLUMN shop_id integer; RESET ROLE;
         ALTER TABLE shop.orders ADD FOREIGN KEY (shop_id) REFERENCES shop.shops ON DELETE SET NULL;
         UPDATE shop.orders SET shop_id = 1",
    )?;
    // Hidden rows refer to the shop: the action reaches them all, or the deletion fails. It must not leave them dangling.
    let deleted = outcome(
        database
            .connect(role::USER)?
            .execute("DELETE FROM shop.shops", &[]),
    );
    let dangling = "SELECT id FROM shop.orders o WHERE shop_id IS NOT NULL
                       AND NOT EXISTS (SELECT FROM shop.shops s WHERE s.id = o.shop_id)";
    assert!(ids(&mut database.admin()?, dangling)?.is_empty(), "{deleted:?}");
    Ok(())
}

#[test]
fn a_unique_index_counts_hidden_rows() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    let duplicate = refusal(session.execute("INSERT INTO shop.orders VALUES (3, 'East', 1)", &[]));
    assert_eq!(duplicate.state.code(), "23505");
    Ok(())
}

#[test]
fn a_procedure_that_commits_goes_on_without_the_session() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE PROCEDURE shop.two_halves(token text, INOUT first bigint, INOUT second bigint) LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM vpd.attach_session(token);
             SELECT count(*) INTO first FROM shop.orders;
             COMMIT;
             SELECT count(*) INTO second FROM shop.orders;
         END $$",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let row = database
        .connect(role::USER)?
        .query_one("CALL shop.two_halves($1, 0, 0)", &[&token])?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (10, 0));
    Ok(())
}
