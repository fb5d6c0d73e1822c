//! Which roles, privileges, resources, nodes and parts in tasks a predicate asks for by name, and by which way through the graph the session has them.

use crate::authz::entitlement::{self, Entitled};
use crate::context::Identity;
use crate::hierarchy;
use crate::sys::clock;
use crate::sys::spi::{arg, statements};
use crate::task::right;
use pgrx::datum::TimestampWithTimeZone;
use serde_json::{Value, json};
use vpd_text::predicate::{calls, hierarchies, names};

statements! {
    NODES = "explain/nodes.sql";
}

/// For each name: whether the session has it, and the way to it when it is administered here.
pub fn asked(predicate: &str, identity: &Identity) -> Vec<Value> {
    let names = names(predicate);
    let hierarchies = hierarchies(predicate);
    let mut asked = parts(predicate);
    let Some(now) = TimestampWithTimeZone::try_from(clock::now().0).ok() else {
        return asked;
    };
    if names.is_empty() && hierarchies.is_empty() {
        return asked;
    }
    let has = entitled(&identity.user_name, &identity.claims.roles, now);
    asked.extend(names.into_iter().map(|reference| {
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
    }));
    for hierarchy in hierarchies {
        asked.extend(nodes(&hierarchy, identity, &has, now));
    }
    asked
}

/// What somebody has; no way is told where all of them together are too long.
fn entitled(user: &str, claimed_roles: &[String], at: TimestampWithTimeZone) -> Vec<Entitled> {
    entitlement::at(user, claimed_roles, at)
        .map(Iterator::collect)
        .unwrap_or_default()
}

/// The nodes of a hierarchy that rows are filtered by: those of the user, and for each who acts for him with what both have, those of that one.
/// A row has to match in every set.
fn nodes(hierarchy: &str, identity: &Identity, has: &[Entitled], now: TimestampWithTimeZone) -> Vec<Value> {
    let all = format!("nodes of {hierarchy}");
    let unfiltered = hierarchy::find(hierarchy).and_then(hierarchy::why_unfiltered);
    if let Ok(Some(reason)) = unfiltered {
        let note = format!("nothing is filtered: {reason}");
        return vec![json!({ "asks": all, "is_held": true, "path": null, "note": note })];
    }
    let of_actors: Vec<Vec<Entitled>> = identity
        .actors
        .iter()
        .filter(|_| identity.authority.data_groups.len() > 1)
        .map(|actor| entitled(actor, &[], now))
        .collect();
    let sets = &identity.authority.data_groups;
    let mut listed = Vec::new();
    for (number, set) in (1..).zip(sets) {
        let set_number = (sets.len() > 1).then_some(number);
        let rows = NODES.with(|statement| {
            statement.query(&[arg(hierarchy), arg(set.to_vec())], |row| {
                Some((row.get::<String>(1)?, row.get::<String>(2)?))
            })
        });
        if rows.is_empty() {
            listed.push(json!({ "asks": all, "is_held": false, "path": null, "set": set_number }));
        }
        for (group, node) in rows.into_iter().flatten() {
            let way = |entitled: &[Entitled]| {
                entitled
                    .iter()
                    .find(|entitled| entitled.kind == "data_group" && entitled.name == group)
                    .map(|entitled| entitled.path.clone())
            };
            let way = if number == 1 {
                way(has)
            } else {
                of_actors.iter().find_map(|has| way(has))
            };
            let node = format!("node:{hierarchy}/{node}");
            let mut path = way.unwrap_or_else(|| vec![format!("data_group:{group}")]);
            path.push(node.clone());
            listed.push(json!({ "asks": node, "is_held": true, "path": path, "set": set_number }));
        }
    }
    if listed.is_empty() {
        listed.push(json!({ "asks": all, "is_held": false, "path": null }));
    }
    listed
}

/// Who may do with a task, or see of it, what is asked for: the parts, for each kind of task that is meant.
fn parts(predicate: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for (reader, kind) in [
        ("can_act", right::Kind::Action),
        ("can_see", right::Kind::Content),
    ] {
        for literals in calls(predicate, reader) {
            for (task_type, name, parts) in right::parts(kind, &literals) {
                found.push(json!({
                    "asks": format!("{} {name} of task {task_type}", kind.as_str()),
                    "note": format!("for {}", parts.join(", ")),
                }));
            }
        }
    }
    found
}
