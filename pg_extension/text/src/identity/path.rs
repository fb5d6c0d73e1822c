//! Where a claim stands in a token.

use serde_json::{Map, Value};

const MAX_LENGTH: usize = 256;

/// Where a claim stands: its name, or a JSON Pointer (RFC 6901), which begins with a slash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// Reads a path; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = !text.is_empty()
            && text.len() <= MAX_LENGTH
            && !text.chars().any(char::is_control)
            && (!text.starts_with('/') || is_pointer(text));
        is_good.then(|| Self(text.to_owned()))
    }

    /// What stands there; NULL is nothing.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let found = match self.0.strip_prefix('/') {
            None => claims.get(&self.0),
            Some(pointer) => {
                let (first, rest) = pointer.find('/').map_or((pointer, ""), |at| pointer.split_at(at));
                claims.get(&unescaped(first))?.pointer(rest)
            }
        };
        found.filter(|value| !value.is_null())
    }
}

/// Whether each tilde is one of `~0` and `~1`.
fn is_pointer(text: &str) -> bool {
    text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_a_name_and_a_pointer_goes_down() {
        let claims = json!({
            "sub": "alice", "https://example.com/roles": ["a"], "realm": {"roles": ["b", "c"], "x/y": 1, "m~n": 2, "none": null}
        });
        let claims = claims.as_object().unwrap();
        for (path, expected) in [
            ("sub", json!("alice")),
            ("/sub", json!("alice")),
            ("https://example.com/roles", json!(["a"])),
            ("/https:~1~1example.com~1roles/0", json!("a")),
            ("/realm/roles", json!(["b", "c"])),
            ("/realm/roles/1", json!("c")),
            ("/realm/x~1y", json!(1)),
            ("/realm/m~0n", json!(2)),
            ("/realm/none", Value::Null),
            ("/realm/roles/9", Value::Null),
            ("/nothing/at/all", Value::Null),
            ("realm/roles", Value::Null),
        ] {
            let found = Path::parse(path).unwrap().find(claims).cloned();
            assert_eq!(found.unwrap_or_default(), expected, "{path}");
        }
        let long = "x".repeat(257);
        for bad in ["", "/a~", "/a~2", "a\nb", long.as_str()] {
            assert_eq!(Path::parse(bad), None, "{bad}");
        }
    }
}
