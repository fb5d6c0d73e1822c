//! One look at providers: their keys, handed in.

use std::io::Write;

use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::Client;
use tracing::warn;

use super::error::KeysError;
use crate::config::Config;
use crate::db::{Role, connect, describe, statement};
use crate::identity::{IdentityError, Web, discover};
use crate::printable::printable;

/// What the discovery document says, as far as keys are concerned.
#[derive(Deserialize)]
struct Published {
    jwks_uri: String,
}

/// Looks at every issuer once.
pub async fn once(config: &Config) -> Result<bool, KeysError> {
    let client = open(config).await?;
    let (_, issuers) = missed(&client).await?;
    if issuers.is_empty() {
        return Err(KeysError::NoIssuer);
    }
    let mut is_sound = true;
    for issuer in &issuers {
        is_sound &= look(config, &client, issuer).await?;
    }
    Ok(is_sound)
}

/// Connects as the role that may hand in keys. The connection ends with the client.
pub async fn open(config: &Config) -> Result<Client, KeysError> {
    let (client, connection) = connect(&config.database, Role::Keys).await?;
    // What becomes of it is seen by whoever asks next.
    tokio::spawn(connection);
    Ok(client)
}

/// How many tokens have named an unknown key, and the issuers that are trusted.
pub async fn missed(client: &Client) -> Result<(i64, Vec<String>), KeysError> {
    let row = client.query_one(statement::MISSED_KEYS, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Looks at one issuer; false, and a warning, when its keys could not be had or were refused.
pub async fn look(config: &Config, client: &Client, issuer: &str) -> Result<bool, KeysError> {
    let keys = match fetch(config, issuer).await {
        Ok(keys) => keys,
        Err(reason) => {
            warn!(event = "keys.fetch", issuer = printable(issuer), %reason, "the keys known so far stay in use");
            return Ok(false);
        }
    };
    let changes = client
        .query(statement::SET_ISSUER_KEYS, &[&issuer, &keys.to_string()])
        .await;
    match changes {
        Ok(changes) => {
            let mut output = std::io::stdout().lock();
            for row in &changes {
                let (id, thumbprint, change): (String, Option<String>, String) =
                    (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                let [issuer, id, change] = [issuer, &id, &change].map(printable);
                let line = format!("{issuer}  {id}  {change}  {}", thumbprint.unwrap_or_default());
                writeln!(output, "{}", line.trim_end())?;
            }
            output.flush()?;
            Ok(true)
        }
        // What the database says of the keys is about them; a connection that broke is not.
        Err(error) if error.as_db_error().is_some() && !client.is_closed() => {
            warn!(
                event = "keys.set",
                issuer = printable(issuer),
                reason = describe(&error),
                "the keys known so far stay in use"
            );
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

async fn fetch(config: &Config, issuer: &str) -> Result<Value, IdentityError> {
    let web = Web::new(issuer, config.identity.ca_file.as_deref()).map_err(IdentityError::Unavailable)?;
    let published: Published = discover(&web, issuer).await?;
    web.get(&published.jwks_uri).await
}
