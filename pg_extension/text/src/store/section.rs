//! What a section of a document is, as far as its form goes.

use super::field::Field;
use super::item::Item;
use serde_json::{Map, Value};

/// A section. Which there are, and what a definition of each does, is the business of whoever reads documents.
pub trait Section: 'static {
    /// Now, and where: what decides whether a definition counts.
    type Moment: ?Sized;

    /// Its name in the document.
    fn name(&self) -> &'static str;

    /// What one of its definitions is called.
    fn kind(&self) -> &'static str;

    /// The fields that tell one definition from another.
    fn key(&self) -> &'static [&'static str];

    /// Its fields.
    fn fields(&self) -> &'static [Field];

    /// How definitions are gathered in the document.
    fn layout(&self) -> Layout;

    /// Gives names of a document the spelling that the database has for them. What the database gives has it already.
    fn spell(&self, _item: &mut Item) {}

    /// Whether every database has this of itself: then it is not written.
    fn is_innate(&self, _item: &Item) -> bool {
        false
    }

    /// Leaves out what holds anyway where the fields alone do not tell, and says why a definition is passed over.
    fn settle(&self, item: &mut Item, moment: &Self::Moment) -> Option<&'static str>;
}

/// How a section looks in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A table for each definition.
    Plain,
    /// Under each holder the list of what it holds.
    ByHolder,
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
