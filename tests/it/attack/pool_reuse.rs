//! A pooled connection goes from user to user. What one leaves behind, the next must not find,
//! even when the first was cut off in the middle.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::NoTls;
use vpd_tests::{Database, Result, Subject, create_orders, expected_ids, protected_orders, role};

const ORDERS: &str = "SELECT id FROM shop.orders ORDER BY id";
const REGIONS: [&str; 4] = ["North", "East", "South", "West"];
const CHECKOUTS: usize = 100_000;

fn pool(database: &Database<'_>) -> Result<Pool> {
    let config = database.config(role::USER);
    let mut target = tokio_postgres::Config::new();
    target
        .host_path(database.cluster().socket_folder())
        .port(database.cluster().port());
    target.user(role::USER).dbname(database.name());
    drop(config);
    let manager = Manager::from_config(
        target,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Ok(Pool::builder(manager).max_size(8).build()?)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

#[test]
fn control_a_setting_of_the_session_is_found_by_the_next_user() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY by_region ON shop.orders USING (region = current_setting('app.region', true))",
    )?;
    let pool = pool(&database)?;
    let bled = runtime()?.block_on(async {
        for _ in 0..8 {
            let client = pool.get().await?;
            client.batch_execute("SET app.region = 'East'").await?;
        }
        let client = pool.get().await?;
        Ok::<_, vpd_tests::Error>(client.query(ORDERS, &[]).await?.len())
    })?;
    assert_eq!(bled, 10);
    Ok(())
}

/// One request: some read their region, some read without a session, some are dropped half-way.
async fn request(pool: &Pool, tokens: &[String; 4], number: usize) -> Result<()> {
    let mut client = pool.get().await?;
    let statement = client.prepare_cached(ORDERS).await?;
    if number.is_multiple_of(3) {
        let rows = client.query(&statement, &[]).await?;
        assert!(
            rows.is_empty(),
            "request {number} without a session saw {} rows",
            rows.len()
        );
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction
        .execute("SELECT vpd.attach_session($1)", &[&tokens[number % 4]])
        .await?;
    for _ in 0..1 + number % 2 {
        let rows = transaction.query(&statement, &[]).await?;
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
fn a_hundred_thousand_checkouts_of_shared_connections_never_bleed() -> Result<()> {
    let database = protected_orders()?;
    let tokens = REGIONS.map(|region| Subject::in_region(region, region).log_in(&database).unwrap());
    let pool = pool(&database)?;
    let (finished, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let next = AtomicUsize::new(0);
    runtime()?.block_on(async {
        let worker = async || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= CHECKOUTS {
                    return Ok::<(), vpd_tests::Error>(());
                }
                // Every seventh request is cut off after a time that sweeps over all its await points.
                let limit = if number.is_multiple_of(7) {
                    Duration::from_micros(u64::try_from(number % 1500)?)
                } else {
                    Duration::from_secs(60)
                };
                match tokio::time::timeout(limit, request(&pool, &tokens, number)).await {
                    Ok(result) => {
                        result?;
                        finished.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_elapsed) => {
                        cancelled.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        };
        // More workers than connections, so that connections change hands at every turn.
        let mut all = vec![];
        for _ in 0..24 {
            all.push(worker());
        }
        for result in join_all(all).await {
            result?;
        }
        Ok::<(), vpd_tests::Error>(())
    })?;
    let (finished, cancelled) = (finished.into_inner(), cancelled.into_inner());
    assert_eq!(finished + cancelled, CHECKOUTS);
    assert!(cancelled > 100, "only {cancelled} requests were cut off");
    assert!(finished > CHECKOUTS / 2, "only {finished} requests were finished");
    Ok(())
}

/// Drives all futures on this task at once.
pub(crate) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
