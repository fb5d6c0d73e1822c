//! Who somebody was is forgotten in the trail, and the trail stays whole.

use super::event::{Event, record};
use super::status::flush;
use crate::error::Result;
use crate::sys::spi::{arg, statements};
use serde_json::json;

statements! {
    ERASE = scanning "trail/erase.sql";
}

/// Puts another name in the place of somebody's in every personal part; returns in how many.
pub fn erase(user: &str, pseudonym: &str) -> Result<u64> {
    // What is on its way names him too.
    flush()?;
    let erased = ERASE.with(|statement| statement.execute(&[arg(user), arg(pseudonym)]));
    record(&Event {
        name: "person.erased",
        row_count: i64::try_from(erased).ok(),
        details: Some(&json!({ "pseudonym": pseudonym })),
        is_change: true,
        ..Event::default()
    });
    Ok(erased)
}
