//! `vpd.issue_ticket`, `redeem_ticket`.

use super::{Answer, known_token, require_primary, required};
use crate::error::Error;
use crate::session;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn issue_ticket(token: Option<&str>, target_app: Option<&str>, challenge: Option<&str>) -> Answer<String> {
    require_primary()?;
    let token = known_token(token)?;
    Ok(session::issue(
        token,
        required(target_app, "target_app")?,
        required(challenge, "challenge")?,
    )?)
}

#[pg_extern(sql = false)]
fn redeem_ticket(
    ticket: Option<&str>,
    target_app: Option<&str>,
    verifier: Option<&str>,
) -> Answer<Option<String>> {
    require_primary()?;
    let token = session::redeem(
        ticket.unwrap_or(""),
        target_app.unwrap_or(""),
        verifier.unwrap_or(""),
    )?;
    if token.is_none() {
        Error::ticket_invalid().warn();
    }
    Ok(token)
}
