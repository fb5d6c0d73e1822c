//! Application contexts: what a trusted function sets is read by the session, in this transaction and nowhere else.

use postgres::{Client, GenericClient};
use serde_json::json;
use vpd_tests::{
    Database, Result, Subject, add_policy, assert_all_refused, assert_denied_to_all_but, assert_refused,
    attach, create_orders, expected_ids, ids, role,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

/// The order-entry example of Oracle's guide: a procedure looks up who is asking and sets the customer's number.
const ORDER_ENTRY: &str = "
CREATE FUNCTION shop.set_region(region text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CALL dbms_session.set_context('order_ctx', 'region', region);
END $$;
CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
END $$;
GRANT EXECUTE ON PROCEDURE dbms_session.set_identifier, dbms_session.clear_identifier TO app_user;
";

/// `shop.orders` under a policy that reads ORDER_CTX, which trusts `shop.set_region`. The contexts WORK and SHARED trust
/// `shop.work`, which runs whatever it is given.
fn order_entry() -> Result<Database<'static>> {
    let database = Database::create()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(ORDER_ENTRY)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.create_context('order_ctx', 'shop.set_region');
         SELECT vpd.create_context('Work', 'shop.work');
         SELECT vpd.create_context('shared', 'shop.work', accessed_globally => true)",
    )?;
    add_policy(
        &mut security,
        "shop.orders",
        "by_region",
        "region = vpd.sys_context('ORDER_CTX', 'REGION')",
    )?;
    Ok(database)
}

fn text(client: &mut impl GenericClient, expression: &str) -> Result<Option<String>> {
    Ok(client
        .query_one(&format!("SELECT ({expression})::text"), &[])?
        .get(0))
}

/// Lets `shop.work` run a statement.
fn work(client: &mut impl GenericClient, statement: &str) -> std::result::Result<(), postgres::Error> {
    client.execute("CALL shop.work($1)", &[&statement]).map(drop)
}

/// A connection with a transaction in which the session of a user is attached.
fn session_of(database: &Database<'_>, user: &str) -> Result<Client> {
    let token = Subject::new(user).log_in(database)?;
    let mut client = database.connect(role::USER)?;
    client.batch_execute("BEGIN")?;
    attach(&mut client, &token)?;
    Ok(client)
}

#[test]
fn what_the_trusted_function_sets_decides_which_rows_are_seen() -> Result<()> {
    let database = order_entry()?;
    let mut alice = session_of(&database, "alice")?;
    assert!(ids(&mut alice, ORDERS)?.is_empty(), "nothing is set yet");
    for region in ["East", "West"] {
        alice.execute("SELECT shop.set_region($1)", &[&region])?;
        assert_eq!(ids(&mut alice, ORDERS)?, expected_ids(region));
    }
    alice.batch_execute("COMMIT")?;
    assert!(
        ids(&mut alice, ORDERS)?.is_empty(),
        "it is gone with the transaction"
    );
    Ok(())
}

#[test]
fn every_reader_sees_it_in_any_case_and_as_a_list_of_one() -> Result<()> {
    let database = order_entry()?;
    let mut alice = session_of(&database, "alice")?;
    alice.batch_execute("SELECT shop.set_region('East')")?;
    for (expression, expected) in [
        ("vpd.sys_context('order_ctx', 'region')", Some("East")),
        ("vpd.sys_context('Order_Ctx', 'Region')", Some("East")),
        ("vpd.sys_context('order_ctx', 'region', 2)", Some("Ea")),
        ("vpd.sys_context('order_ctx', 'region', 0)", Some("East")),
        ("vpd.attribute('ORDER_CTX', 'REGION')", Some("East")),
        ("vpd.attribute_list('ORDER_CTX', 'REGION')", Some("{East}")),
        ("vpd.attribute('ORDER_CTX', 'missing')", None),
        ("vpd.attribute('missing', 'REGION')", None),
        (
            "(SELECT string_agg(namespace || ' ' || attribute || ' ' || value, ',') FROM dbms_session.list_context())",
            Some("ORDER_CTX REGION East"),
        ),
    ] {
        assert_eq!(text(&mut alice, expression)?.as_deref(), expected, "{expression}");
    }
    Ok(())
}

#[test]
fn attributes_of_the_session_do_not_stand_in_for_a_context() -> Result<()> {
    let database = order_entry()?;
    let forged = Subject::new("alice").attributes(json!({
        "ORDER_CTX": { "REGION": "West", "region": "West" }, "order_ctx": { "region": "West" },
        "plain": { "region": "West" }
    }));
    let token = forged.log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &token)?;
    for expression in [
        "vpd.attribute('ORDER_CTX', 'REGION')",
        "vpd.attribute('order_ctx', 'region')",
        "vpd.attribute_list('order_ctx', 'region')",
        "vpd.sys_context('order_ctx', 'region')",
    ] {
        assert_eq!(text(&mut user, expression)?, None, "{expression}");
    }
    assert!(ids(&mut user, ORDERS)?.is_empty());
    let plain = text(&mut user, "vpd.attribute('plain', 'region')")?;
    assert_eq!(
        plain.as_deref(),
        Some("West"),
        "control: a namespace of the session is read"
    );
    database
        .connect(role::SECURITY)?
        .execute("SELECT vpd.drop_context('ORDER_ctx')", &[])?;
    user.batch_execute("COMMIT; BEGIN")?;
    attach(&mut user, &token)?;
    let freed = text(&mut user, "vpd.attribute('order_ctx', 'region')")?;
    assert_eq!(freed.as_deref(), Some("West"), "control: the session had it");
    Ok(())
}

#[test]
fn values_are_cleared_one_by_one_and_together() -> Result<()> {
    let database = order_entry()?;
    let mut alice = session_of(&database, "alice")?;
    let mut left = |statement: &str| -> Result<Option<String>> {
        work(&mut alice, statement)?;
        text(
            &mut alice,
            "(SELECT string_agg(attribute || '=' || value, ' ') FROM dbms_session.list_context())",
        )
    };
    left("CALL dbms_session.set_context('work', 'a', '1')")?;
    left("CALL dbms_session.set_context('work', 'b', '2')")?;
    let all = left("CALL dbms_session.set_context(namespace => 'work', value => '3', attribute => 'c')")?;
    assert_eq!(all.as_deref(), Some("A=1 B=2 C=3"));
    let less = left("CALL dbms_session.clear_context('work', attribute => 'b')")?;
    assert_eq!(less.as_deref(), Some("A=1 C=3"));
    let less = left("CALL dbms_session.set_context('work', 'a', NULL)")?;
    assert_eq!(less.as_deref(), Some("C=3"));
    assert_eq!(left("CALL dbms_session.clear_context('work')")?, None);
    left("CALL dbms_session.set_context('work', 'a', '1')")?;
    assert_eq!(left("CALL dbms_session.clear_all_context('work')")?, None);
    Ok(())
}

#[test]
fn values_have_limits() -> Result<()> {
    let database = order_entry()?;
    let mut alice = session_of(&database, "alice")?;
    work(
        &mut alice,
        "CALL dbms_session.set_context('work', 'a', repeat('ä', 2000))",
    )?;
    for bad in [
        "CALL dbms_session.set_context('work', 'a', repeat('ä', 2000) || 'b')",
        "CALL dbms_session.set_context('work', '', 'b')",
        "CALL dbms_session.set_context('work', repeat('a', 129), 'b')",
        "CALL dbms_session.set_context('work', NULL, 'b')",
        "CALL dbms_session.set_context(NULL, 'a', 'b')",
        "CALL dbms_session.set_context('work', 'a', 'b', username => 'alice')",
        "CALL dbms_session.set_context('shared', 'a', 'b', client_id => repeat('a', 65))",
        "CALL dbms_session.set_identifier(repeat('a', 65))",
    ] {
        alice.batch_execute("SAVEPOINT s")?;
        assert_refused(work(&mut alice, bad), "22023", "argument_invalid");
        alice.batch_execute("ROLLBACK TO s")?;
    }
    Ok(())
}

#[test]
fn a_context_is_declared_once_and_by_a_good_name() -> Result<()> {
    let database = order_entry()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         42710 context_exists     create_context('ORDER_CTX', 'shop.work')
         22023 argument_invalid   create_context('USERENV', 'shop.work')
         22023 argument_invalid   create_context('userenv', 'shop.work')
         22023 argument_invalid   create_context('', 'shop.work')
         22023 argument_invalid   create_context('a b', 'shop.work')
         22023 argument_invalid   create_context('1a', 'shop.work')
         22023 argument_invalid   create_context('a.b', 'shop.work')
         22023 argument_invalid   create_context('é', 'shop.work')
         22023 argument_invalid   create_context('other', 'pg_catalog.now')
         42704 function_not_found create_context('other', 4294967294::oid::regproc)
         42704 context_not_found  drop_context('other')",
    );
    let rows = security.query(
        "SELECT namespace, function_schema || '.' || function_name || '(' || function_arguments || ')', is_global
           FROM vpd.contexts ORDER BY 1",
        &[],
    )?;
    let rows: Vec<(String, String, bool)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let row = |name: &str, function: &str, is_global| (name.to_owned(), function.to_owned(), is_global);
    assert_eq!(
        rows,
        [
            row("ORDER_CTX", "shop.set_region(pg_catalog.text)", false),
            row("SHARED", "shop.work(pg_catalog.text)", true),
            row("WORK", "shop.work(pg_catalog.text)", false),
        ]
    );
    Ok(())
}

#[test]
fn only_the_security_administrator_declares_contexts() -> Result<()> {
    let database = order_entry()?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.create_context('mine', 'pg_catalog.now')",
            "SELECT vpd.drop_context('work')",
        ],
    )?;
    Ok(())
}

#[test]
fn without_a_session_nothing_is_set_or_read() -> Result<()> {
    let database = order_entry()?;
    let mut user = database.connect(role::USER)?;
    assert_refused(
        user.execute("SELECT shop.set_region('East')", &[]),
        "28000",
        "session_invalid",
    );
    assert_eq!(text(&mut user, "vpd.sys_context('order_ctx', 'region')")?, None);
    assert!(
        user.query("SELECT FROM dbms_session.list_context()", &[])?
            .is_empty()
    );
    Ok(())
}

#[test]
fn overloads_are_told_apart() -> Result<()> {
    let database = order_entry()?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION shop.put(value integer) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('over', 'a', value::text); END$$;
         CREATE FUNCTION shop.put(value text) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('over', 'a', value); END$$",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    assert!(
        security
            .execute("SELECT vpd.create_context('over', 'shop.put')", &[])
            .is_err(),
        "the name alone is ambiguous"
    );
    security.execute(
        "SELECT vpd.create_context('over', 'shop.put(integer)'::regprocedure)",
        &[],
    )?;
    let mut alice = session_of(&database, "alice")?;
    alice.batch_execute("SELECT shop.put(1)")?;
    assert_eq!(
        text(&mut alice, "vpd.attribute('over', 'a')")?.as_deref(),
        Some("1")
    );
    assert_refused(
        alice.execute("SELECT shop.put('x'::text)", &[]),
        "42501",
        "context_denied",
    );
    Ok(())
}

/// Every way in which a server calls a function.
#[test]
fn a_trusted_function_works_however_it_is_called() -> Result<()> {
    let database = order_entry()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.inbox (region text); GRANT INSERT ON shop.inbox TO app_user;
         CREATE FUNCTION shop.of_row() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('ways', 'a', NEW.region); RETURN NEW; END$$;
         CREATE TRIGGER of_row BEFORE INSERT ON shop.inbox FOR EACH ROW EXECUTE FUNCTION shop.of_row();
         CREATE FUNCTION shop.in_sql(value text) RETURNS void LANGUAGE sql AS
             $$CALL dbms_session.set_context('sql', 'a', value)$$;
         CREATE FUNCTION shop.definer(value text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS
             $$BEGIN CALL dbms_session.set_context('definer', 'a', value); END$$;
         ALTER FUNCTION shop.definer OWNER TO app_owner;
         CREATE FUNCTION shop.set_returning(value text) RETURNS SETOF text LANGUAGE plpgsql AS
             $$BEGIN
                 RETURN NEXT value; CALL dbms_session.set_context('srf', 'a', value); RETURN NEXT value;
             END$$;
         CREATE FUNCTION shop.step(state text, value text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN CALL dbms_session.set_context('aggregate', 'a', value); RETURN value; END$$;
         CREATE AGGREGATE shop.last(text) (SFUNC = shop.step, STYPE = text);
         CREATE FUNCTION shop.outermost(value text) RETURNS void LANGUAGE plpgsql AS
             $$BEGIN
                 BEGIN RAISE EXCEPTION 'first'; EXCEPTION WHEN raise_exception THEN NULL; END;
                 PERFORM shop.definer(value); PERFORM shop.set_region(value);
             END$$",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.create_context('ways', 'shop.of_row'), vpd.create_context('sql', 'shop.in_sql'),
                vpd.create_context('definer', 'shop.definer'), vpd.create_context('srf', 'shop.set_returning'),
                vpd.create_context('aggregate', 'shop.step')",
    )?;
    let mut alice = session_of(&database, "alice")?;
    for (how, attribute) in [
        ("INSERT INTO shop.inbox VALUES ('@new')", "'ways', 'a'"),
        ("SELECT shop.in_sql('@new')", "'sql', 'a'"),
        ("SELECT shop.definer('@new')", "'definer', 'a'"),
        ("SELECT shop.set_returning('@new')", "'srf', 'a'"),
        ("SELECT * FROM shop.set_returning('@new')", "'srf', 'a'"),
        (
            "SELECT shop.last(v) FROM (VALUES ('@new')) v (v)",
            "'aggregate', 'a'",
        ),
        (
            "SELECT shop.last(v) OVER () FROM (VALUES ('@new')) v (v)",
            "'aggregate', 'a'",
        ),
        ("SELECT shop.outermost('@new')", "'definer', 'a'"),
        ("SELECT shop.outermost('@new')", "'order_ctx', 'region'"),
        (
            "DO $$BEGIN PERFORM shop.set_region('@new'); END$$",
            "'order_ctx', 'region'",
        ),
        (
            "CALL shop.work($$CALL dbms_session.set_context('work', 'a', '@new')$$)",
            "'work', 'a'",
        ),
        (
            "DO $$BEGIN CALL shop.work('CALL dbms_session.set_context(''work'', ''a'', ''@new'')'); END$$",
            "'work', 'a'",
        ),
        (
            "PREPARE p AS SELECT shop.set_region('@new'); EXECUTE p; DEALLOCATE p",
            "'order_ctx', 'region'",
        ),
    ] {
        for round in 1..=3 {
            let value = format!("{attribute} {round}").replace(['\'', ',', ' '], "");
            alice.batch_execute(&how.replace("@new", &value))?;
            let read = text(&mut alice, &format!("vpd.attribute({attribute})"))?;
            assert_eq!(read.as_deref(), Some(value.as_str()), "{how}");
        }
    }
    Ok(())
}

/// PL/pgSQL asks in one place again and again: what was answered there is no answer any more once the session, or what is set for it, is another.
#[test]
fn an_answer_in_a_loop_follows_the_session_and_what_is_set() -> Result<()> {
    let database = order_entry()?;
    let log_in = |user: &str, region: &str| {
        let attributes = json!({ "app": { "region": region } });
        Subject::new(user).attributes(attributes).log_in(&database)
    };
    let (alice, bob) = (log_in("alice", "West")?, log_in("bob", "East")?);
    let mut client = database.connect(role::USER)?;
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!(
        "DO $do$
         DECLARE
             step text;
             found text[];
         BEGIN
             FOREACH step IN ARRAY ARRAY[
                 'SELECT vpd.attach_session(''{alice}'')', 'SELECT', 'SELECT vpd.attach_session(''{bob}'')',
                 'SELECT shop.set_region(''North'')', 'SELECT shop.set_region(''South'')', 'SELECT vpd.detach_session()'
             ] LOOP
                 EXECUTE step;
                 found := found || concat_ws(' ', vpd.attribute('app', 'region'), vpd.attribute('order_ctx', 'region'));
             END LOOP;
             PERFORM set_config('test.found', array_to_string(found, ','), true);
         END $do$"
    ))?;
    let found = text(&mut transaction, "current_setting('test.found')")?;
    assert_eq!(found.as_deref(), Some("West,West,East,East North,East South,"));
    Ok(())
}
