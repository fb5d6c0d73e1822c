//! Registered applications.

use std::collections::HashMap;

use serde::Deserialize;

use crate::config::App;
use crate::db::{DatabaseError, Pool, call, query_json, statement};

/// Origins of the registered applications, by name.
pub type Origins = HashMap<String, Vec<String>>;

/// How an application demands that its users were authenticated.
#[derive(Debug, Default, Deserialize)]
pub struct Assurance {
    /// Authentication context classes, one of which has to be met; none for any.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// How many seconds ago they may have been authenticated.
    pub max_age: Option<i64>,
}

/// Reads the registered applications.
pub async fn origins(pool: &Pool) -> Result<Origins, DatabaseError> {
    query_json(pool, statement::APPS, &[]).await
}

/// How an application demands that its users were authenticated.
pub async fn assurance(pool: &Pool, app: &str) -> Result<Assurance, DatabaseError> {
    query_json(pool, statement::ASSURANCE, &[&app]).await
}

/// What keeps an issuer from opening sessions for a client in an application; none when nothing does.
pub async fn obstacle(
    pool: &Pool,
    issuer: &str,
    client_id: &str,
    app: Option<&str>,
) -> Result<Option<String>, DatabaseError> {
    call(pool, statement::DOCTOR_ISSUER, &[&issuer, &client_id, &app]).await
}

/// True when an application is registered with the origin the configuration gives it.
pub fn is_registered(registered: &Origins, app: &App) -> bool {
    registered
        .get(&app.name)
        .is_some_and(|origins| origins.iter().any(|origin| origin == app.origin.as_str()))
}
