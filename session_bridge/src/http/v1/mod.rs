//! Service routes: what back ends and agents call, with the token of a session.

mod backchannel_logout;
mod event_stream;
mod message;
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
mod token_exchange;

pub use message::{Accepted, Message, MessageRequest, Messages, acknowledge};
pub use session_privileges::Privileges;
pub use token_exchange::GRANT_TYPE;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;

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
        .routes(routes!(backchannel_logout::backchannel_logout))
        .routes(routes!(session_privileges::session_privileges))
        .routes(routes!(session_on_behalf::create_session_on_behalf))
        .routes(routes!(session_end_own::end_own_session))
        .routes(routes!(ticket_issue::issue_ticket))
        .routes(routes!(ticket_redeem::redeem_ticket))
        .routes(routes!(token_exchange::exchange_token))
        .routes(routes!(
            message_record::record_message,
            message_list::list_messages
        ))
        .routes(routes!(message_validate::validate_message))
        .routes(routes!(message_ack::acknowledge_message))
        .routes(routes!(event_stream::events))
}
