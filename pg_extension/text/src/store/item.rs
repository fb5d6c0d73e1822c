//! One definition of a document, in normal form: its fields have been checked against the section's.

use serde_json::{Map, Value};

/// A definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Item(pub Map<String, Value>);

impl Item {
    /// A text that must be there.
    pub fn text(&self, field: &str) -> &str {
        self.optional_text(field).unwrap_or_default()
    }

    /// A text.
    pub fn optional_text(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// A truth value.
    pub fn flag(&self, field: &str, absent: bool) -> bool {
        self.0.get(field).and_then(Value::as_bool).unwrap_or(absent)
    }

    /// A whole number.
    pub fn whole(&self, field: &str) -> Option<i32> {
        self.0
            .get(field)
            .and_then(Value::as_i64)
            .and_then(|number| i32::try_from(number).ok())
    }

    /// A list of texts.
    pub fn list(&self, field: &str) -> Option<Vec<String>> {
        let list = self.0.get(field)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// A table, or a list of tables.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The values of the key, as a name for reports.
    pub fn name(&self, key: &[&str]) -> String {
        let parts: Vec<String> = key
            .iter()
            .filter_map(|field| match self.0.get(*field)? {
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            })
            .collect();
        parts.join(" / ")
    }

    /// The values of the key, to compare.
    pub fn key(&self, key: &[&str]) -> Vec<Option<String>> {
        key.iter()
            .map(|field| self.0.get(*field).map(Value::to_string))
            .collect()
    }
}
