//! Logging out at an identity provider: what a login there opened here ends with it, in all applications.
//!
//! Who logs in and who tells of a logout take turns for each login: a session that is being made meanwhile is either ended, or refused.

use super::acceptance::{now, refused, spend};
use super::issuer;
use crate::error::Result;
use crate::session;
use crate::sys::isolation;
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use sha2::{Digest, Sha256};
use vpd_text::identity::{Issuer, Logout, ProviderLogin, Refusal, Token, verify_logout};

statements! {
    IS_LOGGED_OUT = "trust/is_logged_out.sql";
    LOG_OUT = "trust/log_out.sql";
}

/// Ends the sessions of the login that a logout token names; returns how many.
pub fn log_out(text: &str) -> Result<u64> {
    let (token, malformed) = match Token::read(text) {
        Ok(token) => (token, None),
        Err(refusal) => (Token::decoy(), Some(refusal)),
    };
    let (trusted, key) = issuer::find(token.issuer(), token.key_id()).unzip();
    let issuer = trusted.as_ref().map(|trusted| &trusted.issuer);
    let verified = verify_logout(&token, issuer, key.flatten().as_ref(), now());
    malformed
        .map_or(Ok(()), Err)
        .and(verified)
        .and_then(|logout| {
            spend(
                hash(token.issuer(), "jti", &logout.id),
                token.issuer(),
                logout.usable_until,
            )
            .map(|()| logout)
        })
        .map(|logout| ended(token.issuer(), issuer, &logout))
        .map_err(|refusal| refused(refusal, issuer, None))
}

fn ended(name: &str, issuer: Option<&Issuer>, logout: &Logout) -> u64 {
    let (subject, session) = (logout.subject.as_deref(), logout.session.as_deref());
    take_turns(name, subject, session);
    // Where a session is named, the user goes on in his others.
    let over = match (session, subject) {
        (Some(session), _) => hash(name, "sid", session),
        (None, subject) => hash(name, "sub", subject.unwrap_or_default()),
    };
    let longest = issuer.map_or(0.0, |issuer| issuer.max_age + 2.0 * issuer.clock_skew);
    let args = [arg(over), arg(logout.issued_at), arg(logout.issued_at + longest)];
    isolation::as_read_committed(|| LOG_OUT.with(|statement| statement.execute(&args)));
    session::end_login(name, session, subject, "provider_logout")
}

/// Whether a login goes on at its provider. Nobody logs it out from now on before the transaction ends.
pub(super) fn still_in(issuer: &str, login: &ProviderLogin) -> std::result::Result<(), Refusal> {
    let session = login.session.as_deref();
    take_turns(issuer, Some(&login.subject), session);
    let mut names = vec![hash(issuer, "sub", &login.subject)];
    names.extend(session.map(|session| hash(issuer, "sid", session)));
    let args = [arg(names), arg(login.issued_at)];
    let is_out = isolation::as_read_committed(|| {
        IS_LOGGED_OUT.with(|statement| statement.query_one(&args, |_| ()).is_some())
    });
    if is_out { Err(Refusal::LoggedOut) } else { Ok(()) }
}

/// One at a time logs in or out with the same names. Everybody begins with the user.
fn take_turns(issuer: &str, subject: Option<&str>, session: Option<&str>) {
    for (what, name) in [("sub", subject), ("sid", session)] {
        if let Some(name) = name {
            lock::serialize(Counted::Logins, &hash(issuer, what, name));
        }
    }
}

/// What stands for a name that an issuer gave. No issuer has a NUL in its name.
fn hash(issuer: &str, what: &str, name: &str) -> Vec<u8> {
    Sha256::digest(format!("{what}\0{issuer}\0{name}")).to_vec()
}
