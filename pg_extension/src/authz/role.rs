//! Roles: their kinds, and the rules of those that whoever meets them has.

use super::definition::define;
use super::owner::require_free;
use super::segregation::Watch;
use super::{Kind, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use crate::sys::xact;
use serde_json::json;

statements! {
    ROLE_KIND = "authz/role_kind.sql";
    ROLE = "authz/define_role.sql";
}

const ROLE_KINDS: [&str; 7] = [
    "enterprise",
    "application",
    "job",
    "duty",
    "data",
    "abstract",
    "parametric",
];

/// Kinds that say who has a role, or where. Any other says what it is for, and reaches nobody.
const KINDS_THAT_COUNT: [&str; 2] = ["enterprise", "parametric"];

/// Defines a role of a kind; `rule` says who has a parametric one.
pub fn define_role(name: &str, kind: &str, description: Option<&str>, rule: Option<&str>) -> Result<()> {
    if !ROLE_KINDS.contains(&kind) {
        return Err(Error::argument(
            "unknown kind of role",
            format!("Use {}.", ROLE_KINDS.join(", ")),
        ));
    }
    if (kind == "parametric") != rule.is_some() {
        return Err(Error::argument(
            "a parametric role, and no other, has a rule",
            "Write a predicate over the user's attributes: $.grade >= 5 && $.skills[*] == \"forklift\".",
        ));
    }
    let reference = Reference::new(Kind::Role, name);
    let existing = reference.find();
    let node = define(&reference, description)?;
    let is_new = existing.is_none();
    let former =
        ROLE_KIND.with(|statement| statement.query_one(&[arg(node.id)], |row| row.required::<String>(1)));
    let counts = |kind: &str| KINDS_THAT_COUNT.contains(&kind);
    let watch = if kind == "parametric" {
        Some(Watch::of_rule(node.id))
    } else {
        (counts(kind) || former.as_deref().is_some_and(counts)).then(|| Watch::of(node.id))
    };
    let changed = xact::attempt(|| {
        let rules = ROLE.with(|statement| {
            statement.modify(&[arg(node.id), arg(kind), arg(rule)], |row| row.get::<String>(1))
        });
        Ok(rules)
    })
    .map_err(|failure| {
        Error::argument(
            format!("the rule is no SQL/JSON path: {}", failure.message),
            "Write a predicate over the user's attributes: $.grade >= 5 && $.skills[*] == \"forklift\".",
        )
    })?;
    if changed.iter().flatten().any(|rule| has_variable(rule)) {
        return Err(Error::argument(
            "the rule names a variable, and nothing gives it a value",
            "Write the value itself: $.grade >= 5.",
        ));
    }
    if !changed.is_empty() && !is_new {
        require_free(&node)?;
    }
    if !changed.is_empty() {
        change::record(
            "define",
            &reference.to_string(),
            json!({ "kind": kind, "rule": rule }),
        );
        watch.map_or(Ok(()), Watch::check)?;
    }
    Ok(())
}

/// Whether an SQL/JSON path, as the server writes it, names a variable: `$"name"`, outside of a quoted text.
fn has_variable(path: &str) -> bool {
    let (mut is_quoted, mut last) = (false, ' ');
    for letter in path.chars() {
        match letter {
            '"' if is_quoted && last != '\\' => is_quoted = false,
            '"' if !is_quoted && last == '$' => return true,
            '"' if !is_quoted => is_quoted = true,
            _ => (),
        }
        // A backslash that is itself escaped escapes nothing.
        last = if last == '\\' && letter == '\\' {
            ' '
        } else {
            letter
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::has_variable;

    #[test]
    fn variables_of_a_path_are_found_outside_of_texts_only() {
        for path in [
            r#"($."grade" >= $"min")"#,
            r#"$"a""#,
            r#"($."a" == "\\" && $."b" == $"c")"#,
        ] {
            assert!(has_variable(path), "{path}");
        }
        for path in [
            r#"($."grade" >= 5)"#,
            r#"($."price" == "$")"#,
            r#"($."price" == "$\"min\"")"#,
            r#"($."a" like_regex "^x$")"#,
            r#"($."$" == "a$")"#,
        ] {
            assert!(!has_variable(path), "{path}");
        }
    }
}
