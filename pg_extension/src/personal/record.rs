//! What statements unsealed, in the audit trail: once for each statement, key, column and session.

use crate::context::Identity;
use crate::sealing;
use crate::trail::{self, Event, Subject, Whose};
use serde_json::json;

/// Records what was unsealed since this was called last.
pub fn record_unsealed() {
    for unsealed in sealing::take_unsealed() {
        // Copies of a table have the place of its columns: each that was met may be the one.
        let met: Vec<_> = unsealed.met.columns.keys().collect();
        let one_of: Vec<_> = met
            .iter()
            .map(|(table, column)| json!({ "table": table, "column": column }))
            .collect();
        let (relation, details) = match met.as_slice() {
            [(table, column)] if !unsealed.met.is_cut => (
                Some(table.as_str()),
                json!({ "key": unsealed.key, "column": column }),
            ),
            [] => (None, json!({ "key": unsealed.key, "column": null })),
            _ if unsealed.met.is_cut => (
                None,
                json!({ "key": unsealed.key, "column": null, "one_of": one_of, "or_another": true }),
            ),
            _ => (
                None,
                json!({ "key": unsealed.key, "column": null, "one_of": one_of }),
            ),
        };
        let by = unsealed.by.as_deref().map(subject_of);
        trail::record(&Event {
            name: "unsealed",
            whose: Whose::Of(by.as_ref()),
            relation,
            row_count: Some(i64::try_from(unsealed.values).unwrap_or(i64::MAX)),
            details: Some(&details),
            ..Event::default()
        });
    }
}

/// A session in the words of the trail.
pub fn subject_of(identity: &Identity) -> Subject {
    Subject {
        session_id: identity.session_id.map(|id| id.to_string()),
        app: identity.app.clone(),
        user_name: Some(identity.user_name.clone()),
        actors: (!identity.actors.is_empty()).then(|| json!(identity.actors).to_string()),
        audit_identity: Some(identity.audit_identity.clone()),
    }
}
