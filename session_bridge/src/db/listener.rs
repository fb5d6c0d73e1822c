//! The one connection that listens for wake-ups.
//!
//! A notification decides nothing: it only says whose queue to browse again. Invariant: after a break everybody is woken once,
//! because nobody knows what was missed.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{AsyncMessage, Connection, Socket};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::connect::{ConnectError, Role, Stream, connect};
use super::statement;
use crate::config::Database;
use crate::events::Hub;

const PAUSE: Duration = Duration::from_secs(1);

/// Listens until it is told to stop; connects again after a break.
pub async fn listen(database: Database, hub: Arc<Hub>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let session = async {
            let broken = listen_once(&database, &hub).await;
            hub.set_connected(false);
            match broken {
                Ok(()) => warn!(event = "db.listen", "the listening connection was closed"),
                Err(error) => warn!(event = "db.listen", %error, "the listening connection failed"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            () = session => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn listen_once(database: &Database, hub: &Hub) -> Result<(), ConnectError> {
    let (client, mut connection) = connect(database, Role::Bridge).await?;
    let mut subscribed = Box::pin(client.batch_execute(statement::LISTEN));
    // Both are driven until the subscription is answered; then only the connection has anything to say.
    loop {
        tokio::select! {
            answer = &mut subscribed => break answer?,
            message = next(&mut connection) => match message {
                Some(message) => wake(hub, message?),
                None => return Ok(()),
            },
        }
    }
    info!(event = "db.listen", "listening");
    hub.set_connected(true);
    hub.wake_all();
    while let Some(message) = next(&mut connection).await {
        wake(hub, message?);
    }
    Ok(())
}

async fn next(
    connection: &mut Connection<Socket, Stream>,
) -> Option<Result<AsyncMessage, tokio_postgres::Error>> {
    poll_fn(|context| connection.poll_message(context)).await
}

fn wake(hub: &Hub, message: AsyncMessage) {
    if let AsyncMessage::Notification(notification) = message {
        // Anybody with a login may notify: what names no session wakes nobody.
        if let Ok(session) = notification.payload().parse::<Uuid>() {
            hub.wake(session);
        }
    }
}
