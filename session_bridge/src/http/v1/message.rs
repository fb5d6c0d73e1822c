//! Messages as both sides' routes take and give them.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::Pool;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::vpd::Token;
use crate::vpd::message::{self, Queued};

/// Whom a message is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// Application that will validate it.
    pub target_app: String,
}

/// A recorded message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Nonce of the message (`vm_…`).
    pub message: Token,
}

/// A message was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// Always true: a refusal is an error.
    pub accepted: bool,
}

/// Messages waiting.
#[derive(Debug, Serialize, ToSchema)]
pub struct Messages {
    /// Oldest first.
    pub messages: Vec<Queued>,
}

/// Removes a message, for both sides' routes.
pub async fn acknowledge(pool: &Pool, caller: &Caller, id: i64) -> Result<StatusCode, Problem> {
    caller.identify(pool).await?;
    if message::acknowledge(pool, &caller.token, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(
            StatusCode::NOT_FOUND,
            "message_not_found",
            "there is no such message for this session",
        )
        .hint("It may have been acknowledged already."))
    }
}
