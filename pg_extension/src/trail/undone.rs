//! What was recorded and then undone: a rollback takes back what records say, and not the records. So it is recorded as well.

use super::changes::take_from;
use super::event::{Event, record};

/// A savepoint of this level was rolled back to.
pub fn savepoint_rolled_back(level: i32) {
    let count = take_from(level);
    if count > 0 {
        record(&Event {
            name: "savepoint.rolled_back",
            row_count: Some(count),
            ..Event::default()
        });
    }
}

/// The transaction is over.
pub fn transaction_ended(is_committed: bool) {
    let count = take_from(0);
    if count > 0 && !is_committed {
        record(&Event {
            name: "transaction.rolled_back",
            row_count: Some(count),
            ..Event::default()
        });
    }
}

/// The transaction was prepared: what becomes of it is decided elsewhere.
pub fn transaction_prepared() {
    let count = take_from(0);
    if count > 0 {
        record(&Event {
            name: "transaction.prepared",
            row_count: Some(count),
            ..Event::default()
        });
    }
}
