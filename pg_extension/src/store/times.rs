//! Times of definitions: which count, and as the graph takes them.

use super::section::{HAS_RUN_OUT, Moment};
use crate::authz::Validity;
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use pgrx::datum::TimestampWithTimeZone;
use vpd_text::store::field::{Field, Form, optional};
use vpd_text::store::item::Item;
use vpd_text::store::times;

statements! {
    MOMENT = "store/moment.sql";
}

/// One time, or several as a list.
pub const FIELDS: [Field; 4] = [
    optional("valid_from", Form::Moment),
    optional("valid_until", Form::Moment),
    optional("reason", Form::Text),
    optional(times::LIST, Form::Times),
];

/// From when it holds is told only while it lies ahead: a definition does not change by being carried elsewhere.
pub fn still_valid(item: &mut Item, moment: &Moment) -> Option<&'static str> {
    (!times::settle(item, &moment.now)).then_some(HAS_RUN_OUT)
}

/// The times of a definition, in order.
pub fn of(item: &Item) -> Result<Vec<Item>> {
    times::of(item).ok_or_else(|| {
        Error::argument(
            "the times stand beside a time of their own, or there are none",
            "Write valid_from, valid_until and reason alone, or times = [{ valid_until = \"…\" }, { valid_from = \"…\" }].",
        )
    })
}

/// Since when, until when and why.
pub fn validity(time: &Item) -> Validity {
    let moment = |field: &str| time.optional_text(field).and_then(moment);
    Validity {
        from: moment("valid_from"),
        until: moment("valid_until"),
        reason: time.optional_text("reason").map(str::to_owned),
    }
}

/// A moment as the database takes it.
pub fn moment(text: &str) -> Option<TimestampWithTimeZone> {
    MOMENT
        .with(|statement| statement.query_one(&[arg(text)], |row| row.get::<TimestampWithTimeZone>(1)))
        .flatten()
}
