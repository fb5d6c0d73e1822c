//! `POST /v1/tickets/redeem`: redeems a ticket, once. Ticket and verifier are the proof; no session is needed.

use std::sync::Arc;

use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::http::Shared;
use crate::http::extract::Json;
use crate::http::problem::Problem;
use crate::http::record::Record;
use crate::vpd::{Token, session, ticket};

/// A ticket and the proof that it is for whoever shows it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedemptionRequest {
    /// The ticket.
    ticket: Token,
    /// Application it was given out for.
    target_app: String,
    /// Verifier of the challenge.
    verifier: Token,
}

/// What a ticket gave.
#[derive(Serialize, ToSchema)]
pub struct Redeemed {
    /// Token of the session for the target application (`vs_…`).
    token: Token,
}

/// Redeem a ticket.
#[utoipa::path(post, path = "/v1/tickets/redeem", tag = "tickets", request_body = RedemptionRequest,
    responses((status = 200, body = Redeemed), Refusal))]
pub async fn redeem_ticket(
    State(bridge): State<Shared>,
    Extension(record): Extension<Arc<Record>>,
    Json(request): Json<RedemptionRequest>,
) -> Result<axum::Json<Redeemed>, Problem> {
    let redeemed = ticket::redeem(
        &bridge.pool,
        &request.ticket,
        &request.target_app,
        &request.verifier,
    )
    .await?;
    let token = redeemed.ok_or_else(Problem::ticket_invalid)?;
    if let Some(identity) = session::identify(&bridge.pool, &token).await? {
        record.identify(&identity);
    }
    Ok(axum::Json(Redeemed { token }))
}
