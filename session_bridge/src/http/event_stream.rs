//! The event stream of one application in one session (server-sent events).
//!
//! A wake-up, or 15 seconds without one, leads to a look into the queue; what is found decides. Invariant: the stream places itself
//! among the waiting before its first look, so that nothing falls between the two.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tracing::warn;

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use crate::events::Subscription;
use crate::vpd::Token;
use crate::vpd::message::Queued;

const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Opens the stream of a caller. Its session may be over already: then the stream says so and ends.
pub async fn open(bridge: Shared, caller: Caller) -> Result<Response, Problem> {
    let identity = caller.identify(&bridge.pool).await?;
    let waiting = identity.map(|identity| bridge.hub.subscribe(identity.session_id));
    let keep_alive = KeepAlive::new().interval(LOOK_AGAIN);
    let mut response = Sse::new(events(bridge, caller.token, waiting))
        .keep_alive(keep_alive)
        .into_response();
    // Proxies that collect answers would hold the events back.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Waiting {
    bridge: Shared,
    token: Token,
    subscription: Option<Subscription>,
    is_first_look: bool,
    /// Found and not sent yet, newest first.
    found: Vec<Queued>,
    is_over: bool,
}

fn events(
    bridge: Shared,
    token: Token,
    subscription: Option<Subscription>,
) -> impl Stream<Item = Result<Event, axum::Error>> {
    let waiting = Waiting {
        bridge,
        token,
        subscription,
        is_first_look: true,
        found: Vec::new(),
        is_over: false,
    };
    stream::unfold(waiting, |mut waiting| async {
        waiting.next().await.map(|queued| (event(&queued), waiting))
    })
}

impl Waiting {
    async fn next(&mut self) -> Option<Queued> {
        loop {
            if let Some(queued) = self.found.pop() {
                self.is_over |= queued.kind == "close";
                return Some(queued);
            }
            if self.is_over || !self.wait().await {
                return None;
            }
            match self.bridge.lookout.browse(&self.token).await {
                Ok(found) => self.found = found.into_iter().rev().collect(),
                Err(error) => warn!(event = "http.events", %error, "cannot look into the queue"),
            }
        }
    }

    /// Waits for a reason to look; false when there will be none.
    async fn wait(&mut self) -> bool {
        if std::mem::take(&mut self.is_first_look) {
            return true;
        }
        // Without a session there is nothing to wait for: the first look has said so.
        let Some(subscription) = &mut self.subscription else {
            return false;
        };
        tokio::select! {
            () = subscription.woken() => true,
            () = tokio::time::sleep(LOOK_AGAIN) => true,
            () = self.bridge.stop.cancelled() => false,
        }
    }
}

fn event(queued: &Queued) -> Result<Event, axum::Error> {
    let data = json!({"id": queued.id, "reason": queued.reason});
    Event::default()
        .id(queued.id.to_string())
        .event(&queued.kind)
        .json_data(data)
}
