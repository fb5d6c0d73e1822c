//! What statements unsealed, in the audit trail: once for each statement, key and column.

use crate::sealing;
use crate::trail::{self, Event};
use serde_json::json;

/// Records what was unsealed since this was called last.
pub fn record_unsealed() {
    for unsealed in sealing::take_unsealed() {
        let (table, column) = unsealed.column.unzip();
        trail::record(&Event {
            name: "unsealed",
            relation: table.as_deref(),
            row_count: Some(i64::try_from(unsealed.values).unwrap_or(i64::MAX)),
            details: Some(&json!({ "key": unsealed.key, "column": column })),
            ..Event::default()
        });
    }
}
