//! JSON whose objects name no member twice: of two that have one name, readers take the first, the last, or neither.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;

use super::Refusal;

/// Nothing in a token is nested as deeply.
const MAX_DEPTH: usize = 16;

/// Reads an object.
pub fn read_object(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
    look_through(text, MAX_DEPTH)?;
    serde_json::from_str(text).map_err(|_| Refusal::Malformed)
}

fn look_through(text: &str, depth: usize) -> Result<(), Refusal> {
    if depth == 0 {
        return Err(Refusal::Malformed);
    }
    let text = text.trim_ascii_start();
    if text.starts_with('{') {
        let Members(members) = serde_json::from_str(text).map_err(|_| Refusal::Malformed)?;
        let mut names = HashSet::new();
        for (name, value) in &members {
            if !names.insert(name) {
                return Err(Refusal::DuplicateMember);
            }
            look_through(value.get(), depth - 1)?;
        }
    } else if text.starts_with('[') {
        let values: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(|_| Refusal::Malformed)?;
        for value in &values {
            look_through(value.get(), depth - 1)?;
        }
    }
    Ok(())
}

/// The members of an object in their order, values as they are written.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_once_at_every_depth() {
        for good in ["{}", r#" {"a": 1, "b": {"a": [{"a": 2}, {"a": 3}]}}"#] {
            assert!(read_object(good.as_bytes()).is_ok(), "{good}");
        }
        for twice in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "\u0061": 2}"#,
            r#"{"b": {"a": 1, "a": 2}}"#,
            r#"{"b": [[{"a": 1, "a": 2}]]}"#,
        ] {
            assert_eq!(
                read_object(twice.as_bytes()),
                Err(Refusal::DuplicateMember),
                "{twice}"
            );
        }
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(40), "]".repeat(40));
        for bad in ["", "[]", "1", "null", "{", r#"{"a"}"#, "{} {}", deep.as_str()] {
            assert_eq!(read_object(bad.as_bytes()), Err(Refusal::Malformed), "{bad}");
        }
        assert_eq!(read_object(b"{\"a\": \"\xff\"}"), Err(Refusal::Malformed));
    }
}
