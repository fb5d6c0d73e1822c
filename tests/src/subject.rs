//! Subjects: who logs in, with which attributes, and what they then hold.
//! Tokens travel as bind parameters only, as the rules for applications say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres::{Client, GenericClient};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Database, Result, role};

/// Somebody about to log in.
#[derive(Debug, Clone)]
pub struct Subject {
    user: String,
    app: String,
    attributes: Value,
    roles: Vec<String>,
    privileges: Vec<String>,
}

impl Subject {
    /// A user of the application `portal` with nothing granted.
    #[must_use]
    pub fn new(user: &str) -> Self {
        Self {
            user: user.into(),
            app: "portal".into(),
            attributes: json!({}),
            roles: vec![],
            privileges: vec![],
        }
    }

    /// A user who works in one region, as the policies of the tests ask.
    #[must_use]
    pub fn in_region(user: &str, region: &str) -> Self {
        Self::new(user).attributes(json!({ "app": { "region": region } }))
    }

    /// Another application.
    #[must_use]
    pub fn app(mut self, app: &str) -> Self {
        self.app = app.into();
        self
    }

    /// Attributes by namespace.
    #[must_use]
    pub fn attributes(mut self, attributes: Value) -> Self {
        self.attributes = attributes;
        self
    }

    /// One more role.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.into());
        self
    }

    /// One more privilege.
    #[must_use]
    pub fn privilege(mut self, privilege: &str) -> Self {
        self.privileges.push(privilege.into());
        self
    }

    /// Creates the session as the bridge does; returns the token.
    ///
    /// # Errors
    /// The server refused.
    pub fn log_in(&self, database: &Database<'_>) -> Result<String> {
        Ok(self.log_in_with(&mut database.connect(role::BRIDGE)?)?)
    }

    /// As [`Subject::log_in`], on a connection that is open.
    ///
    /// # Errors
    /// The server refused.
    pub fn log_in_with(&self, bridge: &mut Client) -> std::result::Result<String, postgres::Error> {
        let row = bridge.query_one(
            "SELECT vpd.create_session($1, $2, $3, $4, $5)",
            &[
                &self.user,
                &self.app,
                &self.attributes,
                &self.roles,
                &self.privileges,
            ],
        )?;
        Ok(row.get(0))
    }
}

/// Attaches a session to the current transaction.
///
/// # Errors
/// The server refused the token.
pub fn attach(client: &mut impl GenericClient, token: &str) -> std::result::Result<(), postgres::Error> {
    client
        .execute("SELECT vpd.attach_session($1)", &[&token])
        .map(|_| ())
}

/// The first column of a query, in order.
///
/// # Errors
/// The server refused the query.
pub fn ids(client: &mut impl GenericClient, query: &str) -> std::result::Result<Vec<i32>, postgres::Error> {
    let mut ids: Vec<i32> = client.query(query, &[])?.iter().map(|row| row.get(0)).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// A verifier as RFC 7636 wants it: 43 to 128 unreserved letters.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The S256 challenge of a verifier (RFC 7636).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// What a query gives the run-time role on a fresh connection, with the session of a token or without one.
///
/// # Errors
/// The server refused.
pub fn fresh_ids(database: &Database<'_>, token: Option<&str>, query: &str) -> Result<Vec<i32>> {
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    if let Some(token) = token {
        attach(&mut transaction, token)?;
    }
    Ok(ids(&mut transaction, query)?)
}
