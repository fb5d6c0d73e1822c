//! Brings the database up to date: numbered migrations, version of the extension, passwords of the login roles; and puts the demo there where that is asked for.
//!
//! Invariant: one migrator at a time (advisory lock on a connection of its own, because the migrations use transactions of theirs).

use refinery::Runner;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tracing::info;

use super::connect::{ConnectError, Role, connect};
use super::{EXTENSION_VERSION, statement};
use crate::config::{Config, Database, IdentityMode, Login, create_secret, read_secret};

mod product {
    refinery::embed_migrations!("../migrations/product");
}

mod demo {
    refinery::embed_migrations!("../migrations/demo");
}

/// Any number, as long as nobody else in the database locks it: the letters "vpd bri" in hexadecimal.
const LOCK: i64 = 0x0076_7064_2062_7269;

/// Why the database was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("{}", explain(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// A migration failed.
    #[error("{}", explain_migration(.0))]
    Migration(#[from] refinery::Error),
    /// The extension has another version.
    #[error(
        "extension pg_vpd has version {0}, this bridge needs {EXTENSION_VERSION}; run ALTER EXTENSION pg_vpd UPDATE, or the other bridge"
    )]
    Version(String),
    /// The demo was asked for where it does not belong.
    #[error(
        "the demo logs people in with the built-in provider: it is for a configuration with identity.mode dev"
    )]
    Demo,
    /// The password could not be set.
    #[error("role {0} has no password: {1}")]
    Password(String, String),
}

/// What `migrate` does beside its migrations.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Options {
    /// First write a random password into each password file that does not exist.
    #[arg(long)]
    pub create_secrets: bool,
    /// Put the applications and tables of the demo into the database as well.
    #[arg(long)]
    pub demo: bool,
}

/// Migrates; returns the names of the migrations applied.
pub async fn migrate(config: &Config, options: Options) -> Result<Vec<String>, MigrateError> {
    if options.demo && config.identity.mode != IdentityMode::Dev {
        return Err(MigrateError::Demo);
    }
    let database = &config.database;
    let (lock, lock_driver) = open(database).await?;
    lock.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    let (mut client, driver) = open(database).await?;
    let mut applied = apply(&mut client, product::migrations::runner(), "migration").await?;
    if options.demo {
        applied.extend(apply(&mut client, demo::migrations::runner(), "demo_migration").await?);
    }
    for role in [Role::Bridge, Role::Runtime, Role::Keys] {
        if let Ok(login) = database.login(role) {
            set_password(&mut client, login, options.create_secrets).await?;
        }
    }
    drop((client, lock));
    let _ = tokio::join!(driver, lock_driver);
    Ok(applied)
}

async fn open(database: &Database) -> Result<(Client, JoinHandle<()>), ConnectError> {
    let (client, connection) = connect(database, Role::Admin).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::error!(event = "db.migrate", %error, "connection failed");
        }
    });
    Ok((client, driver))
}

async fn apply(client: &mut Client, mut runner: Runner, history: &str) -> Result<Vec<String>, MigrateError> {
    check_version(client).await?;
    client.batch_execute(include_str!("sql/history.sql")).await?;
    runner.set_migration_table_name(format!("session_bridge.{history}"));
    let report = runner.run_async(client).await?;
    check_version(client).await?;
    let names = report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect();
    info!(event = "db.migrate", applied = ?names, "migrated");
    Ok(names)
}

/// An absent extension is the first migration's business; one of another version is the administrator's.
async fn check_version(client: &Client) -> Result<(), MigrateError> {
    match client.query_opt(statement::EXTENSION_VERSION, &[]).await? {
        Some(row) if row.try_get::<_, &str>(0)? != EXTENSION_VERSION => {
            Err(MigrateError::Version(row.try_get(0)?))
        }
        _ => Ok(()),
    }
}

async fn set_password(client: &mut Client, login: &Login, create: bool) -> Result<(), MigrateError> {
    let Some(file) = &login.password_file else {
        return Ok(());
    };
    let refuse = |error: std::io::Error| {
        MigrateError::Password(login.user.clone(), format!("{}: {error}", file.display()))
    };
    if create && create_secret(file).map_err(refuse)? {
        info!(event = "db.migrate", file = %file.display(), "wrote a random password");
    }
    let secret = read_secret(file).map_err(refuse)?;
    let verifier = postgres_protocol::password::scram_sha_256(secret.expose().as_bytes());
    let transaction = client.transaction().await?;
    // Bind parameters reach the log too when the server logs statements; here nothing does.
    transaction
        .batch_execute("SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1")
        .await?;
    transaction
        .execute(statement::PASSWORD_SETTINGS, &[&login.user, &verifier])
        .await?;
    transaction
        .batch_execute(include_str!("sql/set_password.sql"))
        .await?;
    transaction.commit().await?;
    Ok(())
}

fn explain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => {
            let parts = [Some(error.message()), error.detail(), error.hint()];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        None => error.to_string(),
    }
}

fn explain_migration(error: &refinery::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = match inner.downcast_ref::<tokio_postgres::Error>() {
            Some(postgres) => format!("{text}: {}", explain(postgres)),
            None => format!("{text}: {inner}"),
        };
        cause = inner.source();
    }
    text
}
