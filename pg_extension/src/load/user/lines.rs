//! What a file says of users, line by line, kept until the last was read.

use crate::load::names::Names;
use serde_json::{Map, Value};
use vpd_text::load::header::{Column, optional, required};
use vpd_text::load::texts::{Span, Texts};
use vpd_text::load::value;

pub const COLUMNS: [Column; 7] = [
    required("user_name"),
    optional("source"),
    optional("display_name"),
    optional("unit"),
    optional("manager"),
    optional("is_enabled"),
    optional("is_test"),
];
pub const USER_NAME: usize = 0;
pub const SOURCE: usize = 1;
pub const DISPLAY_NAME: usize = 2;
pub const UNIT: usize = 3;
pub const MANAGER: usize = 4;
pub const IS_ENABLED: usize = 5;
pub const IS_TEST: usize = 6;

/// What stands between kept values; no value of a file contains it.
pub const BETWEEN: &str = "\0";

/// What a column must end with whose values are JSON and not text.
pub const JSON: &str = ":json";

/// Users of a file.
#[derive(Default)]
pub struct Users {
    pub names: Names,
    pub sources: Names,
    pub units: Names,
    pub texts: Texts,
    pub rows: Vec<Row>,
    pub attributes: Vec<Attribute>,
    /// Which of the known columns the file has.
    pub has: [bool; COLUMNS.len()],
}

pub struct Attribute {
    pub place: usize,
    pub name: String,
    pub is_json: bool,
}

pub struct Row {
    pub line: u32,
    pub user: u32,
    pub source: u32,
    pub unit: Option<u32>,
    pub manager: Option<u32>,
    pub is_enabled: Option<bool>,
    pub is_test: bool,
    pub display_name: Option<Span>,
    /// Their values alone: with its name in each line an attribute would take many times what it takes in the file.
    pub attributes: Span,
}

impl Users {
    /// The attributes as the text of a JSON object; empty values are no attributes.
    pub fn attributes_of<'a>(
        &self,
        values: impl Iterator<Item = &'a str>,
        mut refuse: impl FnMut(&Attribute, &str, &'static str),
    ) -> String {
        let mut object = Map::new();
        for (attribute, text) in self.attributes.iter().zip(values) {
            if text.is_empty() {
                continue;
            }
            let checked = if attribute.is_json {
                value::json(text)
            } else {
                Ok(Value::from(text))
            };
            match checked {
                Ok(value) => {
                    object.insert(attribute.name.clone(), value);
                }
                Err(reason) => refuse(attribute, text, reason),
            }
        }
        Value::Object(object).to_string()
    }

    /// The attributes of a row, which were checked when its line was read.
    pub fn kept_attributes(&self, row: &Row) -> String {
        self.attributes_of(self.texts.text(row.attributes).split(BETWEEN), |_, _, _| ())
    }
}
