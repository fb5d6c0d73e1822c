//! What restricts a command, for people who read it.

use super::compose::applying;
use super::exemption::is_exempt;
use super::{cache, inspection, native};
use crate::error::Result;
use crate::sys::restriction::Command;
use crate::sys::{Oid, xact};

/// The predicate as text, for people, as it was understood: with every name resolved; `None` when the table is not protected.
pub fn effective_predicate(relation: Oid, command: Command) -> Result<Option<String>> {
    if is_exempt(relation) {
        let natives = native::terms(relation, command);
        let is_free = natives.is_empty();
        return Ok(Some(if is_free {
            "true".to_owned()
        } else {
            natives.join(" AND ")
        }));
    }
    let Some(relation) = cache::relation(relation) else {
        return Ok(None);
    };
    if !relation.has_policies {
        return Ok(Some("false".to_owned()));
    }
    let mut terms = vec!["vpd.is_established()".to_owned()];
    for policy in applying(&relation, command)? {
        let text = inspection::text(&relation, policy)?;
        let understood = xact::attempt(|| inspection::checked(&relation, &policy.name, text.clone()));
        // What cannot be understood is shown as it stands: whoever mends it needs it.
        terms.push(understood.map_or_else(|_| format!("({text})"), |condition| condition.understood));
    }
    terms.extend(native::terms(relation.oid, command));
    Ok(Some(terms.join(" AND ")))
}
