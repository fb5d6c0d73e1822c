//! The document of definitions: its fields, its sections, its file.

use crate::store::document::{Document, written};
use crate::store::field::{Absent, Field, Form, defaulting, normalize, optional, required};
use crate::store::form;
use crate::store::item::Item;
use crate::store::moment::is_past;
use crate::store::section::{Layout, Section};
use serde_json::Value;
use std::collections::BTreeSet;

/// A section with every form of field, and one that is gathered by holders.
#[derive(Debug)]
struct Sample {
    name: &'static str,
    key: &'static [&'static str],
    fields: &'static [Field],
    layout: Layout,
}

const SECTIONS: &[Sample] = &[
    Sample {
        name: "things",
        key: &["name"],
        fields: &[
            required("name", Form::Text),
            defaulting("description", Form::Text, Absent::Text("")),
            defaulting("enabled", Form::Flag, Absent::Flag(true)),
            defaulting("precedence", Form::Whole, Absent::Whole(100)),
            defaulting("columns", Form::List, Absent::List(&[])),
            optional("origins", Form::Set),
            optional("idle_timeout", Form::Duration),
            optional("valid_until", Form::Moment),
            optional("attributes", Form::Table),
            optional("actions", Form::Tables),
            optional("namespace", Form::Namespace),
            optional("policy_group", Form::Group),
            optional("kind", Form::Word),
            optional("statement_types", Form::Words),
            optional("times", Form::Times),
        ],
        layout: Layout::Plain,
    },
    Sample {
        name: "grants",
        key: &["holder", "granted"],
        fields: &[
            required("holder", Form::Text),
            required("granted", Form::Text),
            optional("valid_from", Form::Moment),
            optional("valid_until", Form::Moment),
            optional("reason", Form::Text),
            optional("seeded_by", Form::Text),
        ],
        layout: Layout::ByHolder,
    },
];

const NOW: &str = "2027-01-31T12:00:00Z";

impl Section for Sample {
    type Moment = str;

    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> &'static str {
        self.name
    }

    fn key(&self) -> &'static [&'static str] {
        self.key
    }

    fn fields(&self) -> &'static [Field] {
        self.fields
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn settle(&self, item: &mut Item, now: &str) -> Option<&'static str> {
        let is_over = item
            .optional_text("valid_until")
            .is_some_and(|until| is_past(until, now));
        is_over.then_some("it is over")
    }
}

/// The bytes are a file, in TOML or JSON.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(json) = form::as_json(text) else {
        return;
    };
    let document = serde_json::from_str::<Value>(&json).ok();
    assert!(document.is_some(), "what is given as JSON is JSON: {json}");
    let document = document.unwrap_or_default();
    kept(&document);
    let read = Document::read(&document, SECTIONS.iter(), NOW);
    for wanted in &read.sections {
        let placed = wanted
            .items
            .iter()
            .chain(wanted.skipped.iter().map(|skipped| &skipped.placed));
        for Item(fields) in placed.map(|placed| &placed.item) {
            let again = normalize(wanted.section.fields, fields);
            assert_eq!(again.ok().as_ref(), Some(fields), "normalized twice");
        }
    }
    for fault in &read.faults {
        assert!(!fault.place.is_empty() && !fault.reason.is_empty());
        assert!(!fault.place.chars().any(char::is_control), "{:?}", fault.place);
    }
    if read.faults.is_empty() {
        carried(&read);
    }
}

/// What is written into a file is what is read from it, and is written the same again.
fn kept(document: &Value) {
    // A section is a list of tables. What else stands in such a list is no definition, and told when the document is read.
    let is_mixed = |value: &Value| {
        let list = value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().any(Value::is_object) && !list.iter().all(Value::is_object)
    };
    if document
        .as_object()
        .is_none_or(|document| document.values().any(is_mixed))
    {
        return;
    }
    let Ok(text) = form::write(document) else {
        return;
    };
    let read = form::read(&text);
    assert_eq!(read.as_ref().map(meant), Ok(meant(document)), "{text}");
    assert_eq!(
        read.and_then(|document| form::write(&document)).as_ref(),
        Ok(&text)
    );
}

/// A document without NULL, which says nothing where a definition leaves something out.
fn meant(document: &Value) -> Value {
    table_of(document, |_, value| without_null(value)).unwrap_or_default()
}

/// A table with other values, without NULL; `None` when it is none.
fn table_of(value: &Value, each: impl Fn(&str, &Value) -> Value) -> Option<Value> {
    let entries = value.as_object()?.iter().filter(|(_, value)| !value.is_null());
    Some(
        entries
            .map(|(name, value)| (name.clone(), each(name, value)))
            .collect(),
    )
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(without_null).collect(),
        other => table_of(other, |_, value| without_null(value)).unwrap_or_else(|| other.clone()),
    }
}

/// A database that has what a document says exports what the document means.
fn carried(read: &Document<Sample>) {
    let entries = read.sections.iter().map(|wanted| {
        let placed = wanted
            .items
            .iter()
            .chain(wanted.skipped.iter().map(|skipped| &skipped.placed));
        (
            wanted.section,
            placed
                .map(|placed| Value::Object(placed.item.0.clone()))
                .collect(),
        )
    });
    let exported = written(entries, NOW);
    let again = Document::read(&exported, SECTIONS.iter(), NOW);
    assert_eq!(again.faults, [], "{exported}");
    let meaning = |document: &Document<Sample>| -> Vec<BTreeSet<String>> {
        let sections = document.sections.iter();
        sections
            .map(|wanted| {
                let items = wanted.items.iter().map(|placed| format!("{:?}", placed.item));
                let skipped = wanted
                    .skipped
                    .iter()
                    .map(|skipped| format!("- {:?}", skipped.placed.item));
                items.chain(skipped).collect()
            })
            .collect()
    };
    assert_eq!(meaning(&again), meaning(read), "{exported}");
    kept(&exported);
}
