//! A document of definitions as a file: TOML for people and version control, JSON for programs.
//!
//! Invariant: writing is a function of the document alone, so that equal documents are equal files, byte for byte.

use std::fmt::Write;

use serde_json::{Map, Value};

/// What stands above the definitions.
const HEADER: &str = "\
# Definitions of pg_vpd. Written by `session-bridge policy export`, read by `session-bridge policy diff` and `policy import`.
# What a definition leaves out has its default. A section with no definition says so, so that `import --prune` empties it.
";

/// Sections in the order of the file; others follow, by name.
const SECTIONS: &[&str] = &[
    "apps",
    "contexts",
    "issuers",
    "sources",
    "units",
    "resources",
    "privileges",
    "entitlements",
    "duties",
    "roles",
    "groups",
    "data_groups",
    "users",
    "delegations",
    "grants",
    "memberships",
    "sod_rules",
    "task_types",
    "hierarchies",
    "hierarchy_exemptions",
    "hierarchy_nodes",
    "data_group_nodes",
    "data_role_templates",
    "data_roles",
    "policy_groups",
    "driving_contexts",
    "policies",
    "masks",
    "audit_policies",
    "hierarchy_bindings",
    "tracked_tables",
    "protected_actions",
];

/// Fields that stand first in a definition; others follow, by name.
const FIELDS: &[&str] = &[
    "relation",
    "holder",
    "hierarchy",
    "granted",
    "data_group",
    "app",
    "issuer",
    "actor",
    "name",
    "key",
    "column",
    "namespace",
    "attribute",
    "kind",
    "description",
];

/// Longest list that stands on one line.
const LINE: usize = 100;

/// Writes a document.
///
/// # Errors
/// It is no document of definitions.
pub fn write(document: &Value) -> Result<String, String> {
    let Some(document) = document.as_object() else {
        return Err("the database sent no document".to_owned());
    };
    let mut text = HEADER.to_owned();
    let (lists, plain): (Vec<_>, Vec<_>) = ordered(document, SECTIONS).into_iter().partition(|(_, value)| {
        value
            .as_array()
            .is_some_and(|list| list.iter().all(Value::is_object))
    });
    for (name, value) in &plain {
        let _infallible = writeln!(text, "{} = {}", key(name), inline(value)?);
    }
    let (empty, full): (Vec<_>, Vec<_>) = lists
        .into_iter()
        .partition(|(_, value)| value.as_array().is_some_and(Vec::is_empty));
    if !empty.is_empty() {
        text.push('\n');
    }
    for (name, _) in &empty {
        let _infallible = writeln!(text, "{} = []", key(name));
    }
    for (name, value) in &full {
        for definition in value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
        {
            let _infallible = writeln!(text, "\n[[{}]]", key(name));
            for (field, value) in ordered(definition, FIELDS) {
                let _infallible = writeln!(text, "{} = {}", key(field), block(value)?);
            }
        }
    }
    Ok(text)
}

/// Reads a file, JSON when it begins with a brace, TOML otherwise, and gives it as JSON. JSON is given as it is, because a number may have more digits
/// than can be held here.
///
/// # Errors
/// What is wrong, with its line.
pub fn as_json(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        return serde_json::from_str::<Value>(text)
            .map(|_| text.to_owned())
            .map_err(|error| error.to_string());
    }
    read(text).map(|document| document.to_string())
}

/// Reads TOML.
///
/// # Errors
/// What is wrong, with its line.
pub fn read(text: &str) -> Result<Value, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut document = Map::new();
    for (name, value) in table {
        document.insert(name, from_toml(value)?);
    }
    Ok(Value::Object(document))
}

fn from_toml(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) if number.is_finite() => Value::from(number),
        toml::Value::Float(number) => return Err(format!("{number} is no number of a definition")),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(list) => Value::Array(list.into_iter().map(from_toml).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(name, value)| Ok((name, from_toml(value)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

/// Entries with the known ones first, in their order; without NULL.
fn ordered<'a>(table: &'a Map<String, Value>, known: &[&str]) -> Vec<(&'a String, &'a Value)> {
    let mut entries: Vec<_> = table.iter().filter(|(_, value)| !value.is_null()).collect();
    entries.sort_by_key(|(name, _)| {
        let place = known
            .iter()
            .position(|known| known == name)
            .unwrap_or(known.len());
        (place, *name)
    });
    entries
}

/// A value of a definition; long lists and texts of several lines get several lines.
fn block(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(multi_line(text).unwrap_or_else(|| string(text))),
        Value::Array(list) => {
            let line = inline(value)?;
            if line.chars().count() <= LINE && list.iter().all(|element| !element.is_object())
                || list.is_empty()
            {
                return Ok(line);
            }
            let mut text = "[\n".to_owned();
            for element in list {
                let _infallible = writeln!(text, "    {},", inline(element)?);
            }
            text.push(']');
            Ok(text)
        }
        other => inline(other),
    }
}

/// A value on one line.
fn inline(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::String(text) => string(text),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if number.is_i64() => number.to_string(),
        // Debug, unlike Display, writes a point or an exponent, without which TOML would read a whole number.
        Value::Number(number) => format!("{:?}", number.as_f64().ok_or("a number is too large for TOML")?),
        Value::Array(list) => {
            let elements: Vec<String> = list.iter().map(inline).collect::<Result<_, _>>()?;
            format!("[{}]", elements.join(", "))
        }
        Value::Object(table) => {
            let mut entries = Vec::new();
            for (name, value) in ordered(table, FIELDS) {
                entries.push(format!("{} = {}", key(name), inline(value)?));
            }
            if entries.is_empty() {
                "{}".to_owned()
            } else {
                format!("{{ {} }}", entries.join(", "))
            }
        }
        Value::Null => return Err("a list holds NULL, which TOML cannot say".to_owned()),
    })
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_bare { name.to_owned() } else { basic(name) }
}

/// A text on one line: literal where quotes or backslashes would have to be escaped.
fn string(text: &str) -> String {
    let wants_literal = text.contains(['"', '\\']) && !text.contains('\'') && !text.chars().any(is_hidden);
    if wants_literal {
        format!("'{text}'")
    } else {
        basic(text)
    }
}

/// A text of several lines as it is, when that is possible.
fn multi_line(text: &str) -> Option<String> {
    let is_plain = |letter: char| letter == '\n' || letter == '\t' || !is_hidden(letter);
    let is_possible =
        text.contains('\n') && text.chars().all(is_plain) && !text.contains("'''") && !text.ends_with('\'');
    is_possible.then(|| format!("'''\n{text}'''"))
}

fn basic(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if is_hidden(letter) && u32::from(letter) <= 0xFFFF => {
                let _infallible = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter if is_hidden(letter) => {
                let _infallible = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Letters that a reviewer does not see, or that change the order in which he sees others.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_written_is_read_and_written_the_same() {
        let document = json!({
            "format": "pg_vpd definitions",
            "version": 1,
            "units": [],
            "policies": [{
                "relation": "shop.\"Ord\"\"ers\"",
                "name": "quotes ' \" ''' $$ \\ and \u{202e} \u{7f} \u{1f600}",
                "predicate": "region = 'East'\n  AND amount > 1\n",
                "statement_types": ["select"],
                "enabled": false,
            }, {
                "relation": "a.b",
                "name": "ends with a quote",
                "predicate": "a = 'x'\n or b = '\r'",
            }],
            "users": [{"name": "alice", "attributes": "{\"grade\": null, \"long\": 123456789012345678901234567890.5, \"q\": \"'''\"}"}],
            "task_types": [{"content": {"x": 1.5, "big": 1e300}}],
            "grants": [{"holder": "role:Buyer", "holds": ["duty:a", {"granted": "duty:b", "reason": "why"}]}],
            "odd key": 1.0,
        });
        let text = write(&document).unwrap();
        let read_back = read(&text).unwrap();
        assert_eq!(read_back, document, "{text}");
        assert_eq!(write(&read_back).unwrap(), text);
        assert!(
            text.contains("predicate = '''\nregion = 'East'\n  AND amount > 1\n'''"),
            "{text}"
        );
        assert!(text.contains("units = []"), "{text}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }

    #[test]
    fn a_table_of_nothing_but_null_is_written_as_an_empty_one() {
        let written = |table: Value| write(&json!({ "version": 1, "a": [{ "b": table }] }));
        assert_eq!(written(json!({ "c": null })), written(json!({})));
    }

    #[test]
    fn json_is_read_as_well() {
        let long = " {\"version\": 1, \"a\": 123456789012345678901234567890.5}";
        assert_eq!(as_json(&format!("\u{feff}{long}")).unwrap(), long);
        assert_eq!(as_json("\u{feff}a = 1").unwrap(), "{\"a\":1}");
        assert!(as_json("{").is_err());
        assert!(as_json("a = ").unwrap_err().contains("line 1"));
        assert!(as_json("a = nan").is_err());
        assert!(as_json("a = 1\na = 2").is_err());
    }
}
