//! A document: read into definitions with their places, or made of what the database has.

use super::field;
use super::item::Item;
use super::section::Section;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What a document says it is.
pub const FORMAT: &str = "pg_vpd definitions";
/// The version of the form.
pub const VERSION: i64 = 1;

/// Something wrong in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `policies[3].predicate`.
    pub place: String,
    /// What the definition is called, or the document.
    pub kind: &'static str,
    /// Of the definition, as far as it is known.
    pub name: String,
    /// The token of the error.
    pub code: String,
    /// What is wrong.
    pub reason: String,
}

/// A definition and where it stands.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Where: `policies[3]`.
    pub place: String,
    /// In normal form.
    pub item: Item,
}

/// A definition that is not imported.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// The definition.
    pub placed: Placed,
    /// Why.
    pub reason: &'static str,
}

/// What a document says of one section.
#[derive(Debug)]
pub struct Wanted<S: 'static> {
    /// The section.
    pub section: &'static S,
    /// Its definitions.
    pub items: Vec<Placed>,
    /// Those that are passed over.
    pub skipped: Vec<Skipped>,
}

/// What was read.
#[derive(Debug)]
pub struct Document<S: 'static> {
    /// The sections it has.
    pub sections: Vec<Wanted<S>>,
    /// What is wrong with its form.
    pub faults: Vec<Fault>,
}

impl Fault {
    /// A fault of the form.
    fn of_form(place: String, kind: &'static str, reason: impl Into<String>) -> Self {
        Self {
            place,
            kind,
            name: String::new(),
            code: "definition_invalid".to_owned(),
            reason: reason.into(),
        }
    }
}

impl<S: Section> Document<S> {
    /// Reads a document of these sections; what is wrong with its form becomes faults, the rest is read all the same.
    pub fn read(
        document: &Value,
        sections: impl Iterator<Item = &'static S> + Clone,
        moment: &S::Moment,
    ) -> Self {
        let mut read = Self {
            sections: Vec::new(),
            faults: Vec::new(),
        };
        let Some(table) = document.as_object() else {
            read.refuse("document", "it must be a table of sections");
            return read;
        };
        if table.get("format").and_then(Value::as_str) != Some(FORMAT) {
            read.refuse("format", &format!("it must be \"{FORMAT}\""));
        }
        if table.get("version").and_then(Value::as_i64) != Some(VERSION) {
            read.refuse("version", &format!("this extension reads version {VERSION}"));
        }
        for name in table.keys() {
            let is_known = ["format", "version"].contains(&name.as_str())
                || sections.clone().any(|section| section.name() == name.as_str());
            if !is_known {
                let shown: String = name
                    .chars()
                    .filter(|letter| !letter.is_control())
                    .take(60)
                    .collect();
                // A name of nothing but control characters shows nothing.
                let place = if shown.is_empty() { "document" } else { &shown };
                read.refuse(place, "there is no such section");
            }
        }
        for section in sections {
            match table.get(section.name()) {
                None => (),
                Some(Value::Array(entries)) => read.read_section(section, entries, moment),
                Some(_) => read.refuse(section.name(), "it must be a list of tables"),
            }
        }
        read
    }

    fn refuse(&mut self, place: &str, reason: &str) {
        self.faults
            .push(Fault::of_form(place.to_owned(), "document", reason));
    }

    fn read_section(&mut self, section: &'static S, entries: &[Value], moment: &S::Moment) {
        let mut wanted = Wanted {
            section,
            items: Vec::new(),
            skipped: Vec::new(),
        };
        let mut keys = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate() {
            for (below, value) in section.layout().open(entry) {
                let place = format!("{}[{}]{below}", section.name(), index + 1);
                let Some(given) = value.as_object() else {
                    self.faults
                        .push(Fault::of_form(place, section.kind(), "it must be a table"));
                    continue;
                };
                let mut item = match field::normalize(section.fields(), given) {
                    Ok(normal) => Item(normal),
                    Err(misfits) => {
                        let name = Item(given.clone()).name(section.key());
                        self.faults.extend(misfits.into_iter().map(|misfit| Fault {
                            name: name.clone(),
                            ..Fault::of_form(
                                format!("{place}.{}", misfit.field),
                                section.kind(),
                                misfit.reason,
                            )
                        }));
                        continue;
                    }
                };
                section.spell(&mut item);
                let reason = section.settle(&mut item, moment);
                if !keys.insert(item.key(section.key())) {
                    self.faults.push(Fault {
                        name: item.name(section.key()),
                        ..Fault::of_form(place, section.kind(), "it stands in the document already")
                    });
                    continue;
                }
                let placed = Placed { place, item };
                match reason {
                    Some(reason) => wanted.skipped.push(Skipped { placed, reason }),
                    None => wanted.items.push(placed),
                }
            }
        }
        self.sections.push(wanted);
    }
}

/// What the database has of a section, in normal form and in order.
pub fn present<S: Section>(section: &S, entries: Vec<Value>, moment: &S::Moment) -> Vec<Item> {
    entries
        .into_iter()
        .filter_map(|value| match value {
            Value::Object(table) => {
                let mut item = Item(field::normalize(section.fields(), &table).unwrap_or(table));
                // Test users are exported, so that they can be carried between databases of developers.
                let _skipped = section.settle(&mut item, moment);
                Some(item)
            }
            _ => None,
        })
        .collect()
}

/// A document of what the database has of each section.
pub fn written<'a, S: Section>(
    sections: impl Iterator<Item = (&'a S, Vec<Value>)>,
    moment: &S::Moment,
) -> Value {
    let mut document = Map::new();
    document.insert("format".to_owned(), json!(FORMAT));
    document.insert("version".to_owned(), json!(VERSION));
    for (section, entries) in sections {
        let mut items = present(section, entries, moment);
        items.retain(|item| !section.is_innate(item));
        let entries = section.layout().gather(items);
        document.insert(section.name().to_owned(), Value::Array(entries));
    }
    Value::Object(document)
}
