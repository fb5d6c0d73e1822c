//! Reading as the run-time role.

use serde_json::Value;

use crate::db::Transaction;
use crate::http::Shared;
use crate::http::auth::Caller;
use crate::http::problem::Problem;

/// Runs a fixed statement as the run-time role with the caller's session attached.
pub async fn read(bridge: &Shared, caller: &Caller, text: &str) -> Result<Value, Problem> {
    let pool = bridge
        .runtime
        .as_ref()
        .ok_or_else(|| Problem::internal("no connections of the run-time role"))?;
    let (transaction, identity) = Transaction::attach(pool, &caller.token).await?;
    caller.is(&identity);
    let result = transaction.query_json(text, &[]).await;
    Ok(transaction.finish(result).await?)
}
