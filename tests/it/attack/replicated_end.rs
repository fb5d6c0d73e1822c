//! Sessions that are replicated logically: rows of a publisher are applied without the triggers that announce changes, so a connection of the
//! subscriber that remembers a session would go on with it after its end.

use postgres::Client;
use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, Subject, add_policy, assert_refused, attach,
    create_orders, ids, role, until_true,
};

/// Publisher and subscriber, each with the extension.
struct Pair {
    publisher: Cluster,
    subscriber: Cluster,
}

impl Pair {
    fn start() -> Result<Self> {
        let start = || Cluster::start(&Extension::debug()?, Library::Preloaded, "wal_level = logical");
        Ok(Self {
            publisher: start()?,
            subscriber: start()?,
        })
    }
}

/// Publishes tables of one database and subscribes to them in the other.
fn replicate(from: &Database<'_>, to: &Database<'_>, tables: &str) -> Result<()> {
    from.admin()?
        .batch_execute(&format!("CREATE PUBLICATION everything FOR TABLE {tables}"))?;
    let mut admin = to.admin()?;
    admin.batch_execute(&format!(
        "CREATE SUBSCRIPTION everything CONNECTION 'host={} port={} user=postgres dbname={}' PUBLICATION everything",
        from.cluster().socket_folder().display(),
        from.cluster().port(),
        from.name()
    ))?;
    until_true(
        &mut admin,
        "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel",
    )
}

fn unsubscribe(database: &Database<'_>) -> Result<()> {
    Ok(database.admin()?.batch_execute("DROP SUBSCRIPTION everything")?)
}

const SESSIONS: &str = "vpd_private.session, vpd_private.session_token, vpd_private.session_use";
const TASKS: &str = "vpd_private.task_type, vpd_private.task_right";
const ORDERS: &str = "SELECT id FROM shop.orders";

#[test]
fn an_end_on_the_publisher_reaches_connections_of_the_subscriber_that_remember_the_session() -> Result<()> {
    let pair = Pair::start()?;
    let (publisher, subscriber) = (
        Database::create_in(&pair.publisher)?,
        Database::create_in(&pair.subscriber)?,
    );
    for database in [&publisher, &subscriber] {
        create_orders(database)?;
        add_policy(
            &mut database.connect(role::SECURITY)?,
            "shop.orders",
            "by_region",
            BY_REGION,
        )?;
    }
    replicate(&publisher, &subscriber, SESSIONS)?;
    let mut admin = subscriber.admin()?;
    let mut user = subscriber.connect(role::USER)?;
    for is_announced in [false, true] {
        let triggers = if is_announced { "ENABLE REPLICA" } else { "DISABLE" };
        admin.batch_execute(&format!(
            "ALTER TABLE vpd_private.session {triggers} TRIGGER vpd_rows_replicated"
        ))?;
        let token = Subject::in_region("alice", "East").log_in(&publisher)?;
        until_true(
            &mut admin,
            "SELECT count(*) > 0 FROM vpd_private.session_token t JOIN vpd_private.session s ON s.id = t.session_id WHERE s.ended_at IS NULL",
        )?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        assert_eq!(ids(&mut user, ORDERS)?.len(), 10);
        user.batch_execute("COMMIT")?;
        publisher
            .connect(role::BRIDGE)?
            .execute("SELECT vpd.end_session($1)", &[&token])?;
        until_true(
            &mut admin,
            "SELECT bool_and(s.ended_at IS NOT NULL) FROM vpd_private.session s",
        )?;
        user.batch_execute("BEGIN")?;
        let attached = attach(&mut user, &token);
        if is_announced {
            assert_refused(attached, "28000", "session_invalid");
        } else {
            // The control: nothing but the trigger tells.
            attached?;
            assert_eq!(ids(&mut user, ORDERS)?.len(), 10);
        }
        user.batch_execute("ROLLBACK")?;
    }
    unsubscribe(&subscriber)
}

#[test]
fn a_definition_of_the_publisher_is_followed_by_connections_of_the_subscriber() -> Result<()> {
    let pair = Pair::start()?;
    let (publisher, subscriber) = (
        Database::create_in(&pair.publisher)?,
        Database::create_in(&pair.subscriber)?,
    );
    let mut security = publisher.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_task_type('approval'); SELECT vpd.define_task_action('approval', 'approve', '{owner}')",
    )?;
    replicate(&publisher, &subscriber, TASKS)?;
    let mut admin = subscriber.admin()?;
    let mut user = subscriber.connect(role::USER)?;
    let token = Subject::new("alice").log_in(&subscriber)?;
    let can_act = |user: &mut Client| -> Result<bool> {
        let mut transaction = user.transaction()?;
        attach(&mut transaction, &token)?;
        let row = transaction.query_one("SELECT vpd.can_act('approval', 'approve', 'alice')", &[])?;
        Ok(row.get(0))
    };
    assert!(can_act(&mut user)?);
    for (is_announced, rights) in [(false, "{}"), (true, "{}")] {
        let triggers = if is_announced { "ENABLE REPLICA" } else { "DISABLE" };
        admin.batch_execute(&format!(
            "ALTER TABLE vpd_private.task_right {triggers} TRIGGER vpd_rows_replicated"
        ))?;
        security.execute(
            "SELECT vpd.define_task_action('approval', 'approve', '{owner}')",
            &[],
        )?;
        until_true(&mut admin, "SELECT count(*) = 1 FROM vpd_private.task_right")?;
        // Looked at by a fresh connection too, so that it is the change below that is not noticed, and no other.
        let mut user = subscriber.connect(role::USER)?;
        assert!(can_act(&mut user)?);
        security.execute(
            "SELECT vpd.define_task_action('approval', 'approve', $1::text::text[])",
            &[&rights],
        )?;
        until_true(&mut admin, "SELECT count(*) = 0 FROM vpd_private.task_right")?;
        assert_eq!(can_act(&mut user)?, !is_announced, "announced: {is_announced}");
    }
    unsubscribe(&subscriber)
}

/// Whatever a backend may know of, is announced; what is not is on the list of `87_replication.sql`, with the reason.
#[test]
fn every_private_table_announces_what_is_replicated() -> Result<()> {
    let database = Database::create()?;
    let silent: String = database
        .admin()?
        .query_one(
            "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
              WHERE c.relnamespace = 'vpd_private'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
                AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled = 'R') <> 2",
            &[],
        )?
        .get(0);
    assert_eq!(
        silent,
        "action_record audit_alarm audit_checkpoint audit_state authority_change consent identity_token issuer issuer_key job_run message own_issuer provider_logout pseudonym queue session_authority signing_key signing_secret ticket"
    );
    Ok(())
}
