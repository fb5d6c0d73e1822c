//! The database's own key. It signs identity that travels and whatever else others must be able to verify without asking; who may have something signed is for
//! those above to decide.
//!
//! It needs no session, so that background workers sign as well. Invariant: the private half leaves this room in no form. It is made by the server, lies in a table
//! that is neither logged nor dumped, is read for each signature and kept nowhere else.

use crate::error::{Error, Result};
use crate::sys::document::Document;
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use crate::sys::{Oid, database, isolation, user, xact};
use pgrx::JsonB;
use serde_json::{Value, json};
use vpd_text::identity::Signer;

statements! {
    SECRET = "signing/secret.sql";
    MAKE = "signing/make.sql";
    DISCARD = "signing/discard.sql";
    RETIRE = scanning "signing/retire.sql";
    COMPROMISED = scanning "signing/compromised.sql";
    PUBLISH = "signing/publish.sql";
    USABLE = scanning "signing/usable.sql";
}

/// What the key made of bytes.
pub struct Signature {
    /// The key: `public_key` gives its public half.
    pub kid: String,
    /// Ed25519, 64 bytes.
    pub signature: Vec<u8>,
}

/// Signs bytes, which may not look like a token: begin with a text that says what they are. Makes the first key when there is none.
pub fn sign(bytes: &[u8]) -> Result<Signature> {
    let signer = current()?;
    let signature = signer.sign(bytes).ok_or_else(failed)?;
    Ok(Signature {
        kid: signer.public().id().to_owned(),
        signature,
    })
}

/// Signs a token of a type that says these claims.
pub fn sign_token(kind: &str, claims: &Value) -> Result<String> {
    current()?.token(kind, claims).ok_or_else(failed)
}

/// Makes another key; returns its identifier. The private half of the former one is gone when the transaction commits.
pub fn rotate(is_compromised: bool) -> Result<String> {
    lock::serialize(Counted::Keys, b"");
    if is_compromised {
        isolation::as_read_committed(|| COMPROMISED.with(|statement| statement.execute(&[])));
    }
    Ok(make()?.public().id().to_owned())
}

/// The keys that a token may still have to be verified by. On a standby, and where nothing may be written, those that are there.
pub fn key_set() -> Result<Value> {
    let own = if xact::is_standby() {
        None
    } else if xact::is_read_only() {
        known()
    } else {
        Some(current()?)
    };
    let own = own.as_ref().map(|signer| signer.public().id());
    let keys = USABLE.with(|statement| {
        statement.query(&[], |row| {
            let kid: String = row.required(1);
            let is_retired = !row.required::<bool>(3);
            // Of those that came with a dump, none signs here.
            let is_usable = is_retired || own.is_none_or(|own| own == kid);
            row.get::<Document>(2)
                .filter(|_| is_usable)
                .map(|document| document.known().clone())
        })
    });
    let keys: Vec<Value> = keys.into_iter().flatten().map(published).collect();
    Ok(json!({ "keys": keys }))
}

/// 42501 for whoever is no superuser: reading or changing the private half is for nobody else, whatever he was granted.
pub fn refuse_secret(reader: Option<Oid>) -> Result<()> {
    if user::is_superuser_role(reader) {
        return Ok(());
    }
    Err(Error::privilege_missing(
        "the private half of the signing key is for the library alone",
        "Use vpd.public_keys; make another key with vpd.rotate_signing_key.",
    ))
}

/// RFC 7517, 4.2: what it is for.
fn published(mut key: Value) -> Value {
    key["use"] = json!("sig");
    key
}

/// The key that signs now. Of several that need the first one at once, one makes it.
fn current() -> Result<Signer> {
    if let Some(known) = known() {
        return Ok(known);
    }
    if xact::is_read_only() {
        return Err(Error::not_ready(
            "the database has no key to sign with yet",
            "Sign once in a transaction that may write, or call vpd.rotate_signing_key.",
        ));
    }
    lock::serialize(Counted::Keys, b"");
    known().map_or_else(make, Ok)
}

fn known() -> Option<Signer> {
    let secret =
        SECRET.with(|statement| statement.query_one(&[arg(database_id())], |row| row.get::<Vec<u8>>(1)));
    signer(secret.flatten()?)
}

/// The caller has the lock.
fn make() -> Result<Signer> {
    isolation::as_read_committed(|| {
        DISCARD.with(|statement| statement.execute(&[]));
        RETIRE.with(|statement| statement.execute(&[]));
    });
    let made = MAKE.with(|statement| statement.modify(&[arg(database_id())], |row| row.get::<Vec<u8>>(1)));
    let made = made.into_iter().flatten().next().and_then(signer);
    let made = made.ok_or_else(failed)?;
    let key = made.public();
    PUBLISH.with(|statement| statement.execute(&[arg(key.id()), arg(JsonB(key.document()))]));
    Ok(made)
}

fn signer(secret: Vec<u8>) -> Option<Signer> {
    Signer::from_seed(&secret.try_into().ok()?)
}

fn database_id() -> i64 {
    i64::from(database::oid())
}

fn failed() -> Error {
    Error::not_ready(
        "nothing can be signed",
        "The bytes may look like a token, or the private half of the key was changed by hand: then call vpd.rotate_signing_key.",
    )
}
