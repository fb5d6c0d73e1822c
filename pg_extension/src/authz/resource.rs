//! What a session may do with each resource, as a front end asks.

use super::Authority;
use super::definition::VIEWING;
use crate::sys::spi::{arg, statements};

statements! {
    USABLE = scanning "authz/session_privileges.sql";
}

/// A resource and what may be done with it.
pub struct Usable {
    /// Its name.
    pub resource: String,
    /// What it is.
    pub kind: String,
    /// edit, view or hidden.
    pub mode: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// Every resource with what a session may do with it; perhaps without those it may do nothing with.
pub fn usable(authority: &Authority, is_usable_only: bool) -> Vec<Usable> {
    let privileges: Vec<String> = authority.privileges.iter().cloned().collect();
    USABLE
        .with(|statement| {
            let viewing = VIEWING.map(str::to_owned).to_vec();
            statement.query(&[arg(privileges), arg(is_usable_only), arg(viewing)], |row| {
                Some(Usable {
                    resource: row.get(1)?,
                    kind: row.get(2)?,
                    mode: row.get(3)?,
                    actions: row.get(4).unwrap_or_default(),
                })
            })
        })
        .into_iter()
        .flatten()
        .collect()
}
