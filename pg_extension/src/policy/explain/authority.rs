//! Which roles, privileges and resources a predicate asks for by name, and by which way through the graph the session has them.

use crate::authz::entitlement::{self, Entitled};
use crate::context::Identity;
use crate::sys::clock;
use pgrx::datum::TimestampWithTimeZone;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Nodes of one hierarchy that are listed.
const MAX_NODES: usize = 20;

/// For each name: whether the session has it, and the way to it when it is administered here.
pub fn asked(predicate: &str, identity: &Identity) -> Vec<Value> {
    let names = names(predicate);
    let hierarchies = hierarchies(predicate);
    let Some(now) = TimestampWithTimeZone::try_from(clock::now().0).ok() else {
        return Vec::new();
    };
    if names.is_empty() && hierarchies.is_empty() {
        return Vec::new();
    }
    let has = entitlement::at(&identity.user_name, &identity.claims.roles, now);
    let mut asked: Vec<Value> = names
        .into_iter()
        .map(|reference| {
            let is_held = match reference.split_once(':') {
                Some(("role", name)) => identity.authority.roles.contains(name),
                Some((_, name)) => identity.authority.privileges.contains(name),
                None => false,
            };
            let path = has.iter().find(|entitled| entitled.reference() == reference);
            json!({
                "asks": reference,
                "is_held": is_held,
                "path": path.filter(|_| is_held).map(|entitled| &entitled.path),
            })
        })
        .collect();
    for hierarchy in hierarchies {
        asked.extend(nodes(&hierarchy, &has));
    }
    asked
}

/// The nodes of a hierarchy that the user's data groups name, some of them when they are many.
fn nodes(hierarchy: &str, has: &[Entitled]) -> Vec<Value> {
    let mut nodes: Vec<Value> = has
        .iter()
        .filter(|entitled| {
            let key = entitled.name.strip_prefix(hierarchy);
            entitled.kind == "node" && key.is_some_and(|key| key.starts_with('/'))
        })
        .take(MAX_NODES)
        .map(|entitled| json!({ "asks": entitled.reference(), "is_held": true, "path": entitled.path }))
        .collect();
    if nodes.is_empty() {
        nodes.push(json!({ "asks": format!("nodes of {hierarchy}"), "is_held": false, "path": null }));
    }
    nodes
}

/// The references in the calls of the readers; only literals are known without running anything.
fn names(predicate: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (reader, kind) in [
        ("user_in_role", "role"),
        ("user_in_all_roles", "role"),
        ("has_privilege", "privilege"),
    ] {
        for literals in calls(predicate, reader) {
            found.extend(literals.into_iter().map(|name| format!("{kind}:{name}")));
        }
    }
    for literals in calls(predicate, "has_resource") {
        if let [resource, action] = literals.as_slice() {
            found.insert(format!("privilege:{resource}:{action}"));
        }
    }
    found
}

/// The hierarchies that rows are filtered by.
fn hierarchies(predicate: &str) -> BTreeSet<String> {
    calls(predicate, "sees_node")
        .into_iter()
        .filter_map(|literals| literals.into_iter().next())
        .collect()
}

/// The literals among the arguments of each call of a function.
fn calls(predicate: &str, function: &str) -> Vec<Vec<String>> {
    predicate
        .match_indices(function)
        .filter_map(|(place, _)| {
            let rest = predicate[place + function.len()..]
                .trim_start()
                .strip_prefix('(')?;
            Some(literals(rest))
        })
        .collect()
}

/// Literals up to the closing parenthesis.
fn literals(mut rest: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(place) = rest.find(['\'', ')']) {
        let Some(text) = rest[place..].strip_prefix('\'') else {
            break;
        };
        let mut literal = String::new();
        let mut letters = text.char_indices().peekable();
        let mut end = text.len();
        while let Some((index, letter)) = letters.next() {
            match (letter, letters.peek()) {
                ('\'', Some((_, '\''))) => {
                    letters.next();
                    literal.push('\'');
                }
                ('\'', _) => {
                    end = index + 1;
                    break;
                }
                _ => literal.push(letter),
            }
        }
        found.push(literal);
        rest = &text[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_literals() {
        let predicate = "vpd.has_privilege('a''b') OR vpd.user_in_role( 'x', 'y') AND vpd.has_resource('r', 'view') AND t = 'z'";
        let expected = ["privilege:a'b", "privilege:r:view", "role:x", "role:y"];
        assert_eq!(names(predicate).into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_no_literal_is_not_known() {
        assert!(names("vpd.has_privilege(name)").is_empty());
        assert!(names("vpd.has_privilege('open").contains("privilege:open"));
    }
}
