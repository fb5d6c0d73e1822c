//! What a section of a document is.

use super::field::Field;
use super::item::Item;
use crate::authz::{Kind, Reference};
use crate::error::Result;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Which documents have a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    Always,
    /// Those that carry users.
    Users,
    /// Those that carry nodes.
    Nodes,
}

/// What an export contains.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub with_users: bool,
    pub with_nodes: bool,
}

/// A section.
pub struct Section {
    /// Its name in the document.
    pub name: &'static str,
    /// What one of its definitions is called.
    pub kind: &'static str,
    pub scope: Scope,
    /// The fields that tell one definition from another.
    pub key: &'static [&'static str],
    pub fields: &'static [Field],
    /// Leaves out what holds anyway where the fields alone do not tell, and says why a definition is passed over.
    pub settle: fn(&mut Item, &Moment) -> Option<&'static str>,
    /// Reads what the database has.
    pub read: fn() -> Vec<Value>,
    /// Adds a definition, or changes the former one.
    pub define: fn(former: Option<&Item>, item: &Item) -> Result<()>,
    /// Removes a definition; `None` where nothing does.
    pub remove: Option<fn(&Item) -> Result<()>>,
    /// Which definition of the same section must be there first.
    pub parent: Option<Parent>,
    /// Removed before anything is added, so that what must not be had together can be exchanged.
    pub is_removed_first: bool,
    /// How definitions are gathered in the document.
    pub layout: Layout,
}

/// A definition of the same section that another names.
#[derive(Debug, Clone, Copy)]
pub struct Parent {
    /// The field that names it.
    pub field: &'static str,
    /// The field that holds its name.
    pub of: &'static str,
    /// Fields that both share.
    pub within: &'static [&'static str],
}

/// Now, and where.
pub struct Moment {
    /// `2027-01-31T00:00:00Z`.
    pub now: String,
    pub is_production: bool,
    /// The test users of the document that is read.
    pub test_users: BTreeSet<String>,
}

impl Moment {
    /// True when this is production and a reference names a test user of the document.
    pub fn is_kept_out(&self, reference: &str) -> bool {
        // As the reference is read when it is imported, blanks around the name included.
        self.is_production
            && Reference::parse(reference)
                .is_ok_and(|read| read.kind == Kind::User && self.test_users.contains(&read.name))
    }
}

/// Nothing to settle.
pub fn as_given(_item: &mut Item, _moment: &Moment) -> Option<&'static str> {
    None
}

/// How a section looks in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A table for each definition.
    Plain,
    /// Under each holder the list of what it holds.
    ByHolder,
}

impl Extent {
    /// Whether documents of this extent have the section.
    pub fn includes(self, section: &Section) -> bool {
        match section.scope {
            Scope::Always => true,
            Scope::Users => self.with_users,
            Scope::Nodes => self.with_nodes,
        }
    }
}

/// A table for each definition, or for each holder, to definitions; and back.
impl Layout {
    /// The definitions in one entry of the document, with their places below it. What is no entry of the kind is handed on as it is, and found wrong
    /// by the check of the fields.
    pub fn open(self, entry: &Value) -> Vec<(String, Value)> {
        let (Self::ByHolder, Some(table), Some(held)) = (
            self,
            entry.as_object(),
            entry.get("holds").and_then(Value::as_array),
        ) else {
            return vec![(String::new(), entry.clone())];
        };
        let mut common = table.clone();
        common.remove("holds");
        held.iter()
            .enumerate()
            .map(|(index, held)| {
                let mut item = common.clone();
                match held {
                    Value::Object(more) => item.extend(more.clone()),
                    other => {
                        item.insert("granted".to_owned(), other.clone());
                    }
                }
                (format!(".holds[{}]", index + 1), Value::Object(item))
            })
            .collect()
    }

    /// The entries of the document for definitions in the order of their keys.
    pub fn gather(self, items: Vec<Item>) -> Vec<Value> {
        if self == Self::Plain {
            return items.into_iter().map(|item| Value::Object(item.0)).collect();
        }
        let mut entries: Vec<(Map<String, Value>, Vec<Value>)> = Vec::new();
        for Item(mut item) in items {
            let mut head = Map::new();
            for field in ["holder", "seeded_by"] {
                if let Some(value) = item.remove(field) {
                    head.insert(field.to_owned(), value);
                }
            }
            let held = match item.remove("granted") {
                Some(granted) if item.is_empty() => granted,
                Some(granted) => {
                    item.insert("granted".to_owned(), granted);
                    Value::Object(item)
                }
                None => Value::Object(item),
            };
            match entries.iter_mut().rev().take(8).find(|(other, _)| *other == head) {
                Some((_, list)) => list.push(held),
                None => entries.push((head, vec![held])),
            }
        }
        entries
            .into_iter()
            .map(|(mut head, held)| {
                head.insert("holds".to_owned(), Value::Array(held));
                Value::Object(head)
            })
            .collect()
    }
}
