//! Goes on looking at providers, and follows which are trusted.
//!
//! The number of tokens that named an unknown key is asked for every second: it stands in shared memory, and nothing that a token says comes along with it. Invariant:
//! a database that is away is waited for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tracing::warn;

use super::error::KeysError;
use super::sync::{look, missed, open};
use super::turn::Turn;
use crate::config::Config;

const PAUSE: Duration = Duration::from_secs(1);

/// Looks until the process is ended. The first connection has to be had.
pub async fn forever(config: &Config) -> Result<bool, KeysError> {
    let mut turns = HashMap::new();
    let mut client = open(config).await?;
    loop {
        if let Err(error) = take_turns(config, &client, &mut turns).await {
            if matches!(error, KeysError::Output(_)) {
                return Err(error);
            }
            warn!(event = "keys.watch", %error, "the database could not be asked");
        }
        tokio::time::sleep(PAUSE).await;
        if client.is_closed() {
            match open(config).await {
                Ok(another) => client = another,
                Err(error) => warn!(event = "keys.watch", %error, "the database could not be reached"),
            }
        }
    }
}

async fn take_turns(
    config: &Config,
    client: &Client,
    turns: &mut HashMap<String, Turn>,
) -> Result<(), KeysError> {
    let settings = &config.keys;
    let (missed, issuers) = missed(client).await?;
    turns.retain(|issuer, _| issuers.contains(issuer));
    for issuer in issuers {
        let is_due = turns
            .get(&issuer)
            .is_none_or(|turn| turn.is_over(settings, Instant::now(), missed));
        if is_due {
            let begun = Turn::begin(settings, missed);
            let looked = look(config, client, &issuer).await;
            let is_sound = matches!(looked, Ok(true));
            turns.insert(issuer, begun.ended(is_sound));
            looked?;
        }
    }
    Ok(())
}
