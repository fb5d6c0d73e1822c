//! `session-bridge keys sync`: fetches the keys of identity providers and hands them to the database.
//!
//! It is a process of its own with a database role of its own, because whoever serves HTTP must not be able to change a key. It reads no token, and creates no
//! session. Invariant: whatever goes wrong on the way, the keys in the database stay as they are.

mod error;
mod sync;
mod turn;
mod watch;

use clap::{Args, Subcommand};

use crate::config::Config;
pub use error::KeysError;

/// Arguments of `session-bridge keys`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch the keys of every issuer that the database trusts, and hand them in.
    #[command(
        after_help = "Each issuer is asked for its discovery document and for what that names as jwks_uri. A line is printed for each key that came, went or is \
                      another one:\n\n  ISSUER  KID  added|replaced|restored|retired|skipped: why  THUMBPRINT\n\nAn issuer that cannot be asked keeps the keys it has: \
                      there is a warning, and without --watch the exit status is 1.\nThe connection is that of [database.keys], whose role has the profile key_steward."
    )]
    Sync {
        /// Go on: look again every keys.interval_seconds, and at once, though not before keys.pause_seconds are over, when a token names a key that is not known.
        #[arg(long)]
        watch: bool,
    },
}

/// Runs the command; true when every issuer was asked with success.
pub async fn run(config: &Config, arguments: &Arguments) -> Result<bool, KeysError> {
    let Command::Sync { watch } = arguments.command;
    if watch {
        return watch::forever(config).await;
    }
    sync::once(config).await
}
