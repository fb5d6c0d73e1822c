//! What a predicate asks for by name.

use crate::predicate::{calls, hierarchies, names};

/// The name of a literal is told as it is, whatever stands in it and behind it.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    names(text);
    let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
    let literal = name.replace('\'', "''");
    let asked = names(&format!("vpd.has_privilege( '{literal}' ) {rest}"));
    assert!(asked.contains(&format!("privilege:{name}")), "{asked:?}");
    let filtered = hierarchies(&format!("vpd.sees_node('{literal}', key) {rest}"));
    assert!(filtered.contains(name), "{filtered:?}");
    let pairs = calls(&format!("can_act('{literal}', '{literal}')"), "can_act");
    assert_eq!(pairs.first(), Some(&vec![name.to_owned(), name.to_owned()]));
}
