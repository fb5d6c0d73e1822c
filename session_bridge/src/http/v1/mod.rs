//! Service routes: what back ends and agents call, with a bearer token.

mod event_stream;
mod message_ack;
mod message_list;
mod message_record;
mod message_validate;
mod refusal;
mod session_create;
mod session_current;
mod session_end;
mod session_end_own;
mod session_list;
mod session_on_behalf;
mod session_privileges;
mod ticket_issue;
mod ticket_redeem;

pub use session_privileges::Privileges;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use crate::db::Pool;
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

/// Every service route, with its description.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(
            session_create::create_session,
            session_list::list_sessions
        ))
        .routes(routes!(
            session_current::current_session,
            session_end::end_session
        ))
        .routes(routes!(session_privileges::session_privileges))
        .routes(routes!(session_on_behalf::create_session_on_behalf))
        .routes(routes!(session_end_own::end_own_session))
        .routes(routes!(ticket_issue::issue_ticket))
        .routes(routes!(ticket_redeem::redeem_ticket))
        .routes(routes!(
            message_record::record_message,
            message_list::list_messages
        ))
        .routes(routes!(message_validate::validate_message))
        .routes(routes!(message_ack::acknowledge_message))
        .routes(routes!(event_stream::events))
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
