//! What a bridge does with a token, on a connection that is open: hand the session over, act for somebody, end it.

use postgres::{Error, GenericClient};

use crate::{VERIFIER, challenge};

/// A ticket for another application.
///
/// # Errors
/// The server refused.
pub fn issue(bridge: &mut impl GenericClient, token: &str, target: &str) -> Result<String, Error> {
    let issue = "SELECT vpd.issue_ticket($1, $2, $3)";
    Ok(bridge
        .query_one(issue, &[&token, &target, &challenge(VERIFIER)])?
        .get(0))
}

/// The token that a ticket gives; `None` when it is refused.
///
/// # Errors
/// The server refused.
pub fn redeem(bridge: &mut impl GenericClient, ticket: &str, target: &str) -> Result<Option<String>, Error> {
    let redeem = "SELECT vpd.redeem_ticket($1, $2, $3)";
    Ok(bridge.query_one(redeem, &[&ticket, &target, &VERIFIER])?.get(0))
}

/// The token of a session on behalf of a user, in an application of the same pillar.
///
/// # Errors
/// The server refused.
pub fn act_for(bridge: &mut impl GenericClient, token: &str, user: &str) -> Result<String, Error> {
    let create = "SELECT vpd.create_session_on_behalf($1, $2)";
    Ok(bridge.query_one(create, &[&token, &user])?.get(0))
}
