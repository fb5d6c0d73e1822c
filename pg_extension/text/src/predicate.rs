//! What the text of a predicate asks for by name, as far as the text alone tells.
//!
//! Not here: what a predicate means, which only the server's parser knows. So this is for explanations, and nothing is permitted by it.

use std::collections::BTreeSet;

/// The references in the calls of the readers; only literals are known without running anything.
pub fn names(predicate: &str) -> BTreeSet<String> {
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
pub fn hierarchies(predicate: &str) -> BTreeSet<String> {
    calls(predicate, "sees_node")
        .into_iter()
        .filter_map(|literals| literals.into_iter().next())
        .collect()
}

/// The literals among the arguments of each call of a function.
pub fn calls(predicate: &str, function: &str) -> Vec<Vec<String>> {
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
