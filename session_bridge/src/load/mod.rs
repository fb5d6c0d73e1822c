//! `session-bridge load`: a CSV file into the database, with the administrator's connection.
//!
//! What it is not: it reads no CSV. The file goes to the database in parts, which checks and writes it, all or nothing; here are the file,
//! the progress and the report. Invariant: one transaction, so that whatever goes wrong on the way leaves nothing behind.

mod progress;
mod report;

use std::fs::File;
use std::future::poll_fn;
use std::io::Read;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use crate::config::Config;
use crate::db::{ConnectError, Role, Stream, connect, statement};
use progress::Progress;
pub use report::{Fault, Report};

/// Bytes that are sent at once.
const PART: usize = 256 * 1024;

/// Arguments of `session-bridge load`.
#[derive(Debug, Args)]
#[command(
    after_help = "The file is CSV as RFC 4180 has it, in UTF-8, with a header; columns in any order, those marked * must be there:\n\n  \
                  users               user_name*, source, display_name, unit, manager, is_enabled, is_test;\n                      \
                  every further column is an attribute, \"name:json\" one that holds JSON\n  \
                  groups              group_name*, description, member_of\n  \
                  group_members       group_name*, user_name*, valid_from, valid_until, reason\n  \
                  role_members        role_name*, user_name or group_name, valid_from, valid_until, reason\n  \
                  data_group_members  data_group*, user_name or group_name, valid_from, valid_until, reason\n  \
                  nodes               hierarchy*, key*, parent, level, label\n  \
                  group_nodes         data_group*, hierarchy*, node*, valid_from, valid_until, reason\n\n\
                  All of it is loaded, or nothing. Then every fault is printed with its line (the header is line 1), column, value and reason,\n\
                  and the exit status is 1. Loading a file again changes nothing. The connection is that of [database.admin]."
)]
pub struct Arguments {
    /// What the file holds.
    #[arg(value_enum)]
    kind: Kind,
    /// The file.
    file: PathBuf,
    /// Check everything and keep nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    /// Users and what is known of them.
    Users,
    /// Groups, and the groups they belong to.
    Groups,
    /// Who belongs to groups.
    GroupMembers,
    /// Who has roles.
    RoleMembers,
    /// Who belongs to data groups.
    DataGroupMembers,
    /// Nodes of hierarchies.
    Nodes,
    /// Which nodes data groups have.
    GroupNodes,
}

/// Why a load could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused.
    #[error("{}", explain(.0))]
    Postgres(#[from] tokio_postgres::Error),
}

/// Loads the file. The report has what is wrong with it.
pub async fn run(config: &Config, arguments: &Arguments) -> Result<Report, LoadError> {
    let unreadable = |source| LoadError::File {
        file: arguments.file.clone(),
        source,
    };
    let mut file = File::open(&arguments.file).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let (mut client, connection) = connect(&config.database, Role::Admin).await?;
    let (sender, notices) = unbounded_channel();
    let driver = tokio::spawn(drive(connection, sender));
    let mut progress = Progress::start(size);
    let outcome = send(
        &mut client,
        arguments,
        &mut file,
        notices,
        &mut progress,
        unreadable,
    )
    .await;
    progress.finish();
    drop(client);
    let _ended = driver.await;
    outcome
}

async fn send(
    client: &mut Client,
    arguments: &Arguments,
    file: &mut File,
    mut notices: UnboundedReceiver<DbError>,
    progress: &mut Progress,
    unreadable: impl Fn(std::io::Error) -> LoadError,
) -> Result<Report, LoadError> {
    let kind = arguments.kind.to_possible_value();
    let kind = kind.as_ref().map_or("", |kind| kind.get_name());
    let transaction = client.transaction().await?;
    transaction
        .execute(statement::BEGIN_LOAD, &[&kind, &arguments.dry_run])
        .await?;
    let load_part = transaction.prepare(statement::LOAD_PART).await?;
    let mut part = vec![0; PART];
    loop {
        let count = file.read(&mut part).map_err(&unreadable)?;
        if count == 0 {
            break;
        }
        transaction.execute(&load_part, &[&&part[..count]]).await?;
        progress.read(count as u64);
    }
    let mut finishing = Box::pin(transaction.query(statement::FINISH_LOAD, &[]));
    let mut report = Report::default();
    let rows = loop {
        tokio::select! {
            biased;
            Some(notice) = notices.recv() => report.hear(&notice, progress),
            rows = &mut finishing => break rows?,
        }
    };
    drop(finishing);
    while let Ok(notice) = notices.try_recv() {
        report.hear(&notice, progress);
    }
    for row in rows {
        report.add(Fault {
            line: row.try_get(0)?,
            column: row.try_get(1)?,
            value: row.try_get(2)?,
            reason: row.try_get(3)?,
        });
    }
    transaction.commit().await?;
    Ok(report)
}

/// Moves the connection on and hands on what the database tells on the way.
async fn drive(mut connection: Connection<Socket, Stream>, sender: UnboundedSender<DbError>) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message {
            // Nobody listens any more once the load is over.
            let _heard = sender.send(notice);
        }
    }
}

/// The database's own words: an administrator reads them, and they hold no value of the file.
fn explain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => match error.hint() {
            Some(hint) => format!("{}; {hint}", error.message()),
            None => error.message().to_owned(),
        },
        None => format!("the connection to the database broke: {error}"),
    }
}
