//! Connections to the private cluster, from the variables of `.local/env`.
//! Its socket trusts the name of a role, because only the owner of the cluster can reach the socket: no password is read.

use std::env;

use postgres::{Client, Config, NoTls};
use vpd_tests::Result;

/// The application's role: sees rows through the policies.
pub const RUNTIME: &str = "vpd_runtime";
/// The bridge's role: creates sessions, tickets and messages, reads no row.
pub const BRIDGE: &str = "vpd_bridge";
/// Who hands in the keys of the identity provider, and creates no session.
pub const KEYS: &str = "vpd_keys";
/// The superuser, for counting what the others must not see.
pub const ADMIN: &str = "postgres";

/// Connects as a role.
///
/// # Errors
/// A variable is missing, or the server refused.
pub fn connect(role: &str) -> Result<Client> {
    let mut config = Config::new();
    config
        .host(&variable("PGHOST")?)
        .port(variable("PGPORT")?.parse()?)
        .dbname(&variable("PGDATABASE")?)
        .user(role)
        .application_name("story");
    config
        .connect(NoTls)
        .map_err(|error| format!("connecting as {role}: {}", reason(&error)).into())
}

/// An error in words for the person who plays the story.
pub fn explain(error: &vpd_tests::Error) -> String {
    let postgres = error.downcast_ref::<postgres::Error>();
    postgres.map_or_else(|| error.to_string(), reason)
}

/// What the server said, or why it could not be asked; by itself `postgres` says only "db error".
fn reason(error: &postgres::Error) -> String {
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    error
        .as_db_error()
        .map_or(cause, |error| error.message().to_owned())
}

/// What a statement met.
pub fn state<T>(result: std::result::Result<T, postgres::Error>) -> String {
    let state = result.err().and_then(|error| error.code().cloned());
    state.map_or("no error".to_owned(), |state| {
        format!("SQLSTATE {}", state.code())
    })
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|_| format!("{name} is not set: run `make up`, then `. .local/env`").into())
}
