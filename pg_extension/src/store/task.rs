//! Section about tasks: kinds of tasks, and which part in a task allows which action and shows which attribute.

use super::application::rows;
use super::graph::{DESCRIPTION, description};
use super::section::{Moment, PLAIN, Section};
use crate::error::{Error, Result};
use crate::sys::spi::statements;
use crate::task::right::{self, Kind};
use serde_json::{Map, Value};
use vpd_text::store::field::{Form, optional, required};
use vpd_text::store::item::Item;

statements! {
    TYPES = scanning "store/task_types.sql";
}

const FIELDS: [(&str, Kind); 2] = [("actions", Kind::Action), ("content", Kind::Content)];

pub(super) const SECTIONS: &[Section] = &[Section {
    name: "task_types",
    kind: "task_type",
    key: &["name"],
    fields: &[
        required("name", Form::Text),
        DESCRIPTION,
        optional("actions", Form::Table),
        optional("content", Form::Table),
    ],
    settle: with_parts_in_order,
    read: || rows(&TYPES),
    define: define_type,
    remove: Some(|item| right::drop_type(item.text("name"))),
    ..PLAIN
}];

fn with_parts_in_order(item: &mut Item, _: &Moment) -> Option<&'static str> {
    for (field, _) in FIELDS {
        let Some(Value::Object(rights)) = item.0.get_mut(field) else {
            continue;
        };
        for parts in rights.values_mut().filter_map(Value::as_array_mut) {
            parts.sort_by_key(ToString::to_string);
            parts.dedup();
        }
        rights.retain(|_, parts| parts.as_array().is_none_or(|parts| !parts.is_empty()));
        if rights.is_empty() {
            item.0.remove(field);
        }
    }
    None
}

fn define_type(former: Option<&Item>, item: &Item) -> Result<()> {
    let name = item.text("name");
    right::define_type(name, description(former, item).as_deref())?;
    for (field, kind) in FIELDS {
        let rights = |item: &Item| -> Map<String, Value> {
            item.value(field)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let (before, after) = (former.map(rights).unwrap_or_default(), rights(item));
        for right in before.keys().filter(|right| !after.contains_key(*right)) {
            right::define_right(name, kind, right, &[])?;
        }
        for (right, parts) in after
            .iter()
            .filter(|(right, parts)| before.get(*right) != Some(parts))
        {
            let parts = parts
                .as_array()
                .and_then(|parts| {
                    parts
                        .iter()
                        .map(|part| part.as_str().map(str::to_owned))
                        .collect::<Option<Vec<_>>>()
                })
                .ok_or_else(|| {
                    Error::argument(
                        format!("{field} are not lists of parts"),
                        "Write, for instance, approve = [\"manager\", \"owner\"].",
                    )
                })?;
            right::define_right(name, kind, right, &parts)?;
        }
    }
    Ok(())
}
