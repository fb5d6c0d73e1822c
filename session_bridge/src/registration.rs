//! `session-bridge register-apps`: the applications of the configuration become those of the database, with the administrator's connection.
//!
//! Invariant: nothing is taken away. What is registered keeps its times, other origins and pillar, so that no session ends by it.

use crate::config::Config;
use crate::db::{ConnectError, Role, connect, describe, statement};

/// Why the applications were not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused one.
    #[error("{0}: {1}")]
    Refused(String, String),
}

/// Registers them, all or none; a line each about what that changed.
pub async fn run(config: &Config) -> Result<Vec<String>, RegistrationError> {
    let (mut client, connection) = connect(&config.database, Role::Admin).await?;
    let driver = tokio::spawn(connection);
    let refuse = |app: &str, error: &tokio_postgres::Error| {
        RegistrationError::Refused(app.to_owned(), describe(error))
    };
    let transaction = client.transaction().await.map_err(|error| refuse("-", &error))?;
    let mut lines = Vec::new();
    for app in &config.apps {
        let change: String = transaction
            .query_one(
                statement::REGISTER_APP,
                &[&app.name, &app.pillar, &app.origin.as_str()],
            )
            .await
            .and_then(|row| row.try_get(0))
            .map_err(|error| refuse(&app.name, &error))?;
        lines.push(format!("{} {change}", app.name));
    }
    transaction.commit().await.map_err(|error| refuse("-", &error))?;
    drop(client);
    let _ = driver.await;
    Ok(lines)
}
