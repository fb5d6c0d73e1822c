//! What becomes of a token that was verified: it is used up, or refused.

use crate::error::Error;
use crate::sys::spi::{arg, statements};
use crate::sys::{clock, isolation, shmem};
use crate::trail::{self, Event, shown_name};
use serde_json::json;
use vpd_text::identity::{Issuer, Refusal};

/// Seconds from 1970 to 2000, from where the server counts.
pub(super) const EPOCH: f64 = 946_684_800.0;

statements! {
    SPEND = "trust/spend.sql";
}

/// The clock that tokens are read by, in seconds since 1970.
pub(super) fn now() -> f64 {
    clock::now().0 as f64 / 1e6 + EPOCH
}

/// Writes down why a token is refused; whoever brought it learns only that it is.
pub(super) fn refused(refusal: Refusal, issuer: Option<&Issuer>, app: Option<&str>) -> Error {
    if refusal == Refusal::KeyUnknown {
        shmem::count_unknown_key();
    }
    trail::record(&Event {
        name: if refusal == Refusal::Spent {
            "token.replayed"
        } else {
            "token.refused"
        },
        verdict: Some("28000"),
        code: Some("token_refused"),
        app: app.map(shown_name),
        details: Some(&json!({ "reason": refusal.code(), "issuer": issuer.map(|issuer| &issuer.name) })),
        ..Event::default()
    });
    Error::token_refused()
}

/// Uses a token up, by what makes it this one. Of several that come with it at once one wins, when it commits.
pub(super) fn spend(digest: Vec<u8>, issuer: &str, usable_until: f64) -> std::result::Result<(), Refusal> {
    let args = [arg(digest), arg(issuer), arg(usable_until)];
    let is_first = isolation::as_read_committed(|| SPEND.with(|statement| statement.execute(&args))) > 0;
    if is_first { Ok(()) } else { Err(Refusal::Spent) }
}
