//! Demo data: the rows the session may see, read as the run-time role. Served only when the configuration enables it.
//!
//! The statements name no user and no region: the policies of the database filter.

mod orders;
mod profits;

use axum::Router;
use axum::routing::get;
use serde_json::Value;

use super::Shared;
use super::auth::Caller;
use super::problem::Problem;
use crate::db::Transaction;

/// The demo's routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/orders", get(orders::orders))
        .route("/api/profits", get(profits::profits))
}

/// Runs a fixed statement as the run-time role with the caller's session attached.
async fn read(bridge: &Shared, caller: &Caller, text: &str) -> Result<Value, Problem> {
    let pool = bridge
        .runtime
        .as_ref()
        .ok_or_else(|| Problem::internal("no connections of the run-time role"))?;
    let (transaction, identity) = Transaction::attach(pool, &caller.token).await?;
    caller.is(&identity);
    let result = transaction.query_json(text, &[]).await;
    Ok(transaction.finish(result).await?)
}
