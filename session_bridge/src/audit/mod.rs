//! The audit trail as a file: exported from the database, verified without it.
//!
//! It decides nothing: what a record says and how it is hashed stands in `vpd_text::trail`. Invariant: verifying needs the file and public keys, and nothing else.

mod export;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::Config;
use crate::db::{self, Role, told};

/// Arguments of `session-bridge audit`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the audit trail, with its checkpoints, as lines of JSON to standard output, with the administrator's connection.
    Export(export::Export),
    /// Write the public keys that checkpoints are signed with, as a JWK set, to standard output. Keep them where nobody from the database gets.
    Keys,
    /// Look whether an export is what was written; connects to nothing. Exit 0 when it is, 1 otherwise.
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// File to read; - for standard input.
    file: PathBuf,
    /// Public keys (JWK set) that checkpoints may be signed with.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Arguments {
    /// Runs what needs neither configuration nor database; `None` for the other commands.
    ///
    /// # Errors
    /// A file could not be read.
    pub fn run_offline(&self) -> Outcome<Option<ExitCode>> {
        let Command::Verify(Verify { file, keys }) = &self.command else {
            return Ok(None);
        };
        let is_intact = verify::verify(file, keys)?;
        Ok(Some(if is_intact {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }))
    }
}

/// Runs a command against the database.
///
/// # Errors
/// The database refused, or the output could not be written.
pub async fn run(arguments: &Arguments, config: &Config) -> Outcome<()> {
    let (client, connection) = db::connect(&config.database, Role::Admin).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::error!(event = "audit.connection", %error, "connection failed");
        }
    });
    let outcome = match &arguments.command {
        Command::Export(export) => export.run(&client).await,
        Command::Keys => export::keys(&client).await,
        Command::Verify(_) => Err("it takes no configuration".into()),
    };
    drop(client);
    driver.await?;
    outcome.map_err(|error| match error.downcast_ref::<tokio_postgres::Error>() {
        Some(refused) => told(refused).into(),
        None => error,
    })
}
