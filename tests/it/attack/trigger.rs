//! A trigger is handed the rows that others write. The privilege TRIGGER alone must not be enough to listen to a protected table.

use vpd_tests::{
    Database, Result, Subject, assert_refused, attach, create_orders, expected_ids, ids, outcome,
    protected_orders, role,
};

const GRANTS: &str =
    "GRANT TRIGGER ON shop.orders TO app_stranger; GRANT USAGE, CREATE ON SCHEMA shop TO app_stranger";

const LISTEN: &str = "
CREATE TABLE shop.heard (id integer, region text);
GRANT INSERT ON shop.heard TO PUBLIC;
CREATE FUNCTION shop.listen() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO shop.heard VALUES (NEW.id, NEW.region); RETURN NEW; END $$;
";

const TRIGGERS: [&str; 4] = [
    "CREATE TRIGGER listen BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.listen()",
    "CREATE OR REPLACE TRIGGER listen AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.listen()",
    "CREATE CONSTRAINT TRIGGER listen AFTER INSERT ON shop.orders DEFERRABLE FOR EACH ROW EXECUTE FUNCTION shop.listen()",
    "DO $$ BEGIN EXECUTE 'CREATE TRIGGER listen AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.listen()'; END $$",
];

#[test]
fn control_a_trigger_of_a_stranger_is_handed_the_rows_of_others() -> Result<()> {
    for trigger in TRIGGERS {
        let database = Database::create_bare()?;
        create_orders(&database)?;
        database.admin()?.batch_execute(GRANTS)?;
        database.admin()?.batch_execute(
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
             CREATE POLICY written ON shop.orders FOR INSERT TO app_user WITH CHECK (true)",
        )?;
        let mut stranger = database.connect(role::STRANGER)?;
        stranger.batch_execute(LISTEN)?;
        stranger.batch_execute(trigger)?;
        database
            .connect(role::USER)?
            .execute("INSERT INTO shop.orders VALUES (101, 'East', 1)", &[])?;
        assert_eq!(
            ids(&mut stranger, "SELECT id FROM shop.heard")?,
            [101],
            "{trigger}"
        );
    }
    Ok(())
}

#[test]
fn a_trigger_of_a_stranger_is_refused() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(GRANTS)?;
    let mut stranger = database.connect(role::STRANGER)?;
    stranger.batch_execute(LISTEN)?;
    for trigger in TRIGGERS {
        assert_refused(stranger.batch_execute(trigger), "42501", "privilege_missing");
    }
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.execute("INSERT INTO shop.orders VALUES (101, 'East', 1)", &[])?;
    session.commit()?;
    assert!(ids(&mut stranger, "SELECT id FROM shop.heard")?.is_empty());
    Ok(())
}

#[test]
fn a_trigger_of_the_owner_is_part_of_the_table_and_moves_no_row_past_the_check() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE FUNCTION shop.move() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.region := 'West'; RETURN NEW; END $$;
         CREATE TRIGGER move BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.move()",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for statement in [
        "INSERT INTO shop.orders VALUES (101, 'East', 1)",
        "UPDATE shop.orders SET amount = 1",
    ] {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_refused(session.execute(statement, &[]), "44000", "policy_check");
    }
    Ok(())
}

#[test]
fn switching_triggers_and_rules_off_lifts_no_policy() -> Result<()> {
    let database = protected_orders()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE FUNCTION shop.stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
         CREATE TRIGGER stay BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.stay();
         CREATE RULE nothing AS ON DELETE TO shop.orders DO INSTEAD NOTHING",
    )?;
    for change in [
        "ALTER TABLE shop.orders DISABLE TRIGGER USER",
        "ALTER TABLE shop.orders ENABLE REPLICA TRIGGER stay",
        "ALTER TABLE shop.orders DISABLE TRIGGER ALL",
        "ALTER TABLE shop.orders DISABLE RULE nothing",
        "ALTER TABLE shop.orders ENABLE REPLICA RULE nothing",
        "SET session_replication_role = replica",
    ] {
        let changed = outcome(owner.batch_execute(change));
        assert!(
            ids(&mut owner, "SELECT id FROM shop.orders")?.is_empty(),
            "{change}: {changed:?}"
        );
        let mut user = database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        assert_eq!(
            ids(&mut session, "SELECT id FROM shop.orders")?,
            expected_ids("East"),
            "{change}"
        );
    }
    Ok(())
}

#[test]
fn a_rule_of_the_owner_is_handed_the_rows_of_the_session_only() -> Result<()> {
    let database = protected_orders()?;
    let mut owner = database.connect(role::OWNER)?;
    owner.batch_execute(
        "CREATE TABLE shop.heard (id integer, region text);
         CREATE RULE listen AS ON UPDATE TO shop.orders DO ALSO INSERT INTO shop.heard SELECT OLD.id, OLD.region;
         CREATE RULE listen_all AS ON INSERT TO shop.orders DO ALSO INSERT INTO shop.heard SELECT id, region FROM shop.orders",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.execute("UPDATE shop.orders SET amount = amount + 1", &[])?;
    session.execute("INSERT INTO shop.orders VALUES (101, 'East', 1)", &[])?;
    session.commit()?;
    let heard = "SELECT DISTINCT region FROM shop.heard";
    let regions: Vec<String> = owner.query(heard, &[])?.iter().map(|row| row.get(0)).collect();
    assert_eq!(regions, ["East"]);
    // A rule that turns the table into a view would take row security away.
    let turned = outcome(owner.batch_execute(
        "CREATE RULE \"_RETURN\" AS ON SELECT TO shop.orders DO INSTEAD SELECT 1 AS id, 'x'::text AS region, 1 AS amount",
    ));
    assert!(turned.is_err());
    Ok(())
}
