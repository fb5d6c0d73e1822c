//! Attack: a client that leaves in the middle of a request, so that the next one finds its transaction on the connection.

use std::net::Shutdown;

use deadpool_postgres::{Manager, Pool};
use postgres::NoTls;
use serde_json::{Value, json};
use vpd_tests::{Database, Result, Subject, challenge, role, until};

use super::stage::{Stage, bridge_connections};
use super::wire::open;

#[test]
fn dropped_request_leaves_no_transaction_to_the_next() -> Result<()> {
    let database = Database::create()?;
    let stage = Stage::before(&database)?;
    let (alice, bob) = (stage.log_in("alice", "portal")?, stage.log_in("bob", "portal")?);
    let mut admin = database.admin()?;
    for _ in 0..5 {
        // Alice's request has attached her session and now waits for the lock.
        let mut lock = admin.transaction()?;
        lock.batch_execute("LOCK TABLE vpd_private.ticket IN ACCESS EXCLUSIVE MODE")?;
        let bearer = format!("Authorization: Bearer {alice}");
        let body = json!({"target_app": "floor", "challenge": challenge("v")}).to_string();
        let headers = [bearer.as_str(), "Content-Type: application/json"];
        let leaving = open(
            stage.port(),
            &stage.host("service"),
            "POST /v1/tickets",
            &headers,
            &body,
        )?;
        let mut watcher = database.admin()?;
        let blocked = "SELECT count(*) > 0 FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'session-bridge'
                          AND wait_event_type = 'Lock'";
        until("the request waits", || {
            Ok(watcher.query_one(blocked, &[])?.get(0))
        })?;
        leaving.shutdown(Shutdown::Both)?;
        drop(leaving);
        until("the bridge has left the request", || {
            Ok(!stage.is_connection_in_use())
        })?;
        lock.commit()?;
        until("no transaction is open", || {
            Ok(bridge_connections(&mut watcher, "idle in transaction%")? == 0)
        })?;
        // The pool has one connection: the next request takes what the dropped one left.
        assert_eq!(stage.whose("vs_unknown")?, (401, "session_invalid".into()));
        assert_eq!(stage.whose(&bob)?, (200, "bob".into()));
    }
    assert_eq!(
        stage
            .call("GET /v1/sessions/current", &alice, &Value::Null)?
            .status,
        200
    );
    Ok(())
}

/// The control: a plain pool hands the open transaction, identity and all, to whoever comes next.
#[test]
fn plain_pool_hands_an_open_transaction_on() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut config = deadpool_postgres::tokio_postgres::Config::new();
    config
        .host_path(database.cluster().socket_folder())
        .port(database.cluster().port())
        .user(role::USER)
        .dbname(database.name());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(1).build()?;
        let first = pool.get().await?;
        first.batch_execute("BEGIN").await?;
        first.query("SELECT vpd.attach_session($1)", &[&token]).await?;
        drop(first);
        let next = pool.get().await?;
        let user: Option<String> = next.query_one("SELECT vpd.user_name()", &[]).await?.get(0);
        assert_eq!(user.as_deref(), Some("alice"));
        Ok(())
    })
}
