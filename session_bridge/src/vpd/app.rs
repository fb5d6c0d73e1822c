//! Registered applications.

use std::collections::HashMap;

use crate::config::App;
use crate::db::{DatabaseError, Pool, query_json, statement};

/// Origins of the registered applications, by name.
pub type Origins = HashMap<String, Vec<String>>;

/// Reads the registered applications.
pub async fn origins(pool: &Pool) -> Result<Origins, DatabaseError> {
    query_json(pool, statement::APPS, &[]).await
}

/// True when an application is registered with the origin the configuration gives it.
pub fn is_registered(registered: &Origins, app: &App) -> bool {
    registered
        .get(&app.name)
        .is_some_and(|origins| origins.iter().any(|origin| origin == app.origin.as_str()))
}
