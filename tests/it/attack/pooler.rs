//! A pooler in transaction mode gives a server connection to another client after every transaction. What one client leaves behind,
//! the next must not find. It is a real pgbouncer, whose clients outnumber its server connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};
use vpd_tests::{Database, Pooler, Result, Subject, create_orders, expected_ids, protected_orders, role};

use super::pool_reuse::join_all;

const ORDERS: &str = "SELECT id FROM shop.orders ORDER BY id";
const REGIONS: [&str; 4] = ["North", "East", "South", "West"];
const CLIENTS: usize = 24;
const TRANSACTIONS: usize = 20_000;

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

/// A client of the pooler. It sends statements without a name, because this version of the pooler knows no prepared ones.
async fn client(pooler: &Pooler, database: &str) -> Result<Client> {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(pooler.port())
        .user(role::USER)
        .dbname(database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn orders(client: &Client) -> Result<Vec<i32>> {
    let rows = client.query_typed(ORDERS, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn control_a_setting_reaches_another_client_through_the_pooler() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    let pooler = Pooler::start(&database)?;
    let bled = runtime()?.block_on(async {
        let first = client(&pooler, database.name()).await?;
        first.batch_execute("SET app.region = 'East'").await?;
        let second = client(&pooler, database.name()).await?;
        orders(&second).await
    })?;
    assert_eq!(bled, expected_ids("East"));
    Ok(())
}

/// One transaction of a client: with a session, or without one and outside of a transaction block.
async fn request(client: &mut Client, tokens: &[String; 4], number: usize) -> Result<()> {
    if number.is_multiple_of(3) {
        let seen = orders(client).await?;
        assert!(seen.is_empty(), "request {number} without a session saw {seen:?}");
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction
        .query_typed(
            "SELECT vpd.attach_session($1)",
            &[(&tokens[number % 4], Type::TEXT)],
        )
        .await?;
    for _ in 0..1 + number % 2 {
        let rows = transaction.query_typed(ORDERS, &[]).await?;
        let seen: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(seen, expected_ids(REGIONS[number % 4]), "request {number}");
    }
    match number % 5 {
        0 => transaction.rollback().await?,
        // Dropped: the client queues a rollback behind the caller's back.
        1 => drop(transaction),
        _ => transaction.commit().await?,
    }
    Ok(())
}

#[test]
fn sessions_never_reach_another_client_through_the_pooler() -> Result<()> {
    let database = protected_orders()?;
    let mut tokens = REGIONS.map(str::to_owned);
    for token in &mut tokens {
        *token = Subject::in_region(token, token).log_in(&database)?;
    }
    let pooler = Pooler::start(&database)?;
    let (finished, cancelled, next) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    runtime()?.block_on(async {
        let worker = async || {
            let mut connection = client(&pooler, database.name()).await?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= TRANSACTIONS {
                    return Ok::<(), vpd_tests::Error>(());
                }
                // Every seventh request is cut off after a time that sweeps over all its await points.
                let limit = if number.is_multiple_of(7) {
                    Duration::from_micros(u64::try_from(number % 1500)?)
                } else {
                    Duration::from_secs(60)
                };
                match tokio::time::timeout(limit, request(&mut connection, &tokens, number)).await {
                    Ok(result) => {
                        result?;
                        finished.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_elapsed) => {
                        cancelled.fetch_add(1, Ordering::Relaxed);
                        // A client that was cut off between statements leaves its transaction open, as a crashed one does.
                        connection = client(&pooler, database.name()).await?;
                    }
                }
            }
        };
        let mut all = vec![];
        for _ in 0..CLIENTS {
            all.push(worker());
        }
        for result in join_all(all).await {
            result?;
        }
        Ok::<(), vpd_tests::Error>(())
    })?;
    assert_eq!(finished.into_inner() + cancelled.into_inner(), TRANSACTIONS);
    let connections: i64 = database
        .admin()?
        .query_one(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1",
            &[&role::USER],
        )?
        .get(0);
    assert!(
        connections <= i64::from(pooler.pool_size()),
        "{connections} server connections: the clients did not share any"
    );
    Ok(())
}
