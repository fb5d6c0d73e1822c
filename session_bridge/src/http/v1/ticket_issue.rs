//! `POST /v1/tickets`: a ticket that hands the session over to another application.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::auth::Bearer;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::vpd::{Token, ticket};

/// Whom the ticket is for, and whose verifier it wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// The only application that may redeem it.
    target_app: String,
    /// BASE64URL(SHA256(verifier)), 43 characters (RFC 7636, S256).
    challenge: String,
}

/// A ticket that was given out.
#[derive(Serialize, ToSchema)]
pub struct TicketIssued {
    /// The ticket (`vt_…`).
    ticket: Token,
    /// How long it lives, in seconds.
    expires_in: i64,
}

/// Issue a one-time ticket.
#[utoipa::path(post, path = "/v1/tickets", tag = "tickets", security(("bearer" = [])), request_body = TicketRequest,
    responses((status = 201, body = TicketIssued), Refusal))]
pub async fn issue_ticket(
    State(bridge): State<Shared>,
    Bearer(caller): Bearer,
    Json(request): Json<TicketRequest>,
) -> Result<(StatusCode, axum::Json<TicketIssued>), Problem> {
    let answer = ticket::issue(
        &bridge.pool,
        &caller.token,
        &request.target_app,
        &request.challenge,
    )
    .await?;
    let issued = caller.note(answer);
    Ok((
        StatusCode::CREATED,
        axum::Json(TicketIssued {
            ticket: issued.ticket,
            expires_in: issued.expires_in,
        }),
    ))
}
