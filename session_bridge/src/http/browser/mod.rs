//! Browser routes: what the pages of an application call on their own origin, with the session cookie.

mod app;
mod events;
mod login;
mod login_callback;
mod logout;
mod message_ack;
mod message_list;
mod message_record;
mod message_validate;
mod page;
mod privileges;
mod session;

use axum::Router;
use axum::routing::{get, post};

use super::Shared;

pub use page::page;

/// Routes that are for the application's own pages.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/login", get(login::login))
        .route("/login/callback", get(login_callback::login_callback))
        .route("/logout", post(logout::logout))
        .route("/api/app", get(app::app))
        .route("/api/session", get(session::session))
        .route("/api/privileges", get(privileges::privileges))
        .route(
            "/api/messages",
            get(message_list::list_messages).post(message_record::record_message),
        )
        .route("/api/messages/validate", post(message_validate::validate_message))
        .route("/api/messages/{id}/ack", post(message_ack::acknowledge_message))
        .route("/api/events", get(events::events))
}
