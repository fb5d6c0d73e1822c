//! The event stream of one application in one session (server-sent events).
//!
//! A wake-up, or 15 seconds without one, leads to a look into the queue; what is found decides. Invariant: the stream places itself
//! among the waiting before its first look, so that nothing falls between the two.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::time::Instant;
use tracing::warn;

use super::Shared;
use super::address::{ClientAddress, network_of};
use super::auth::Caller;
use super::places::{Full, Place};
use super::problem::Problem;
use crate::events::Subscription;
use crate::vpd::Token;
use crate::vpd::message::Queued;

const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Opens the stream of a caller. Its session may be over already: then the stream says so and ends.
pub async fn open(
    bridge: Shared,
    caller: Caller,
    ClientAddress(client): ClientAddress,
) -> Result<Response, Problem> {
    let place = bridge.streams.take(Some(network_of(client))).map_err(|full| {
        bridge.metrics.refuse("stream", full.label());
        full_house(full)
    })?;
    let identity = caller.identify(&bridge.pool).await?;
    let most = bridge.config.server.streams.max_per_session;
    let subscription = identity.map(|identity| bridge.hub.subscribe(identity.session_id, most));
    let waiting = Waiting {
        ends_at: Instant::now() + bridge.config.server.streams.lifetime(),
        bridge,
        token: caller.token,
        subscription,
        _place: place,
        is_first_look: true,
        found: Vec::new(),
        is_over: false,
    };
    let keep_alive = KeepAlive::new().interval(LOOK_AGAIN);
    let mut response = Sse::new(events(waiting)).keep_alive(keep_alive).into_response();
    // Proxies that collect answers would hold the events back.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn full_house(full: Full) -> Problem {
    match full {
        Full::ForNetwork => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "limit_streams",
            "too many event streams from this address",
        )
        .hint("Close some, or look for messages now and then."),
        Full::ForEverybody => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "streams_exhausted",
            "no event stream is free",
        )
        .hint("Look for messages now and then, and try again later."),
    }
}

struct Waiting {
    bridge: Shared,
    token: Token,
    subscription: Option<Subscription>,
    is_first_look: bool,
    /// Found and not sent yet, newest first.
    found: Vec<Queued>,
    is_over: bool,
    ends_at: Instant,
    _place: Place,
}

/// What makes a stream look up.
enum Wake {
    Look,
    /// Newer streams of the session took its place.
    Replaced,
    /// There is nothing to wait for any more.
    End,
}

fn events(waiting: Waiting) -> impl Stream<Item = Result<Event, axum::Error>> {
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
            if self.is_over {
                return None;
            }
            match self.wait().await {
                Wake::Look => {}
                Wake::Replaced => {
                    self.is_over = true;
                    return Some(replaced());
                }
                Wake::End => return None,
            }
            match self.bridge.lookout.browse(&self.token).await {
                Ok(found) => self.found = found.into_iter().rev().collect(),
                Err(error) => warn!(event = "http.events", %error, "cannot look into the queue"),
            }
        }
    }

    /// Waits for a reason to look, or to end.
    async fn wait(&mut self) -> Wake {
        if std::mem::take(&mut self.is_first_look) {
            return Wake::Look;
        }
        // Without a session there is nothing to wait for: the first look has said so.
        let Some(subscription) = &mut self.subscription else {
            return Wake::End;
        };
        let replaced = subscription.replaced();
        tokio::select! {
            () = subscription.woken() => Wake::Look,
            () = tokio::time::sleep(LOOK_AGAIN) => Wake::Look,
            () = replaced.cancelled() => Wake::Replaced,
            () = tokio::time::sleep_until(self.ends_at) => Wake::End,
            () = self.bridge.stop.cancelled() => Wake::End,
        }
    }
}

/// Tells the oldest stream of a session that it ends, so that its client does not open it again at once.
fn replaced() -> Queued {
    Queued {
        id: 0,
        kind: "replaced".to_owned(),
        reason: "the session has newer event streams".to_owned(),
        created_at: String::new(),
    }
}

fn event(queued: &Queued) -> Result<Event, axum::Error> {
    let data = json!({"id": queued.id, "reason": queued.reason});
    Event::default()
        .id(queued.id.to_string())
        .event(&queued.kind)
        .json_data(data)
}
