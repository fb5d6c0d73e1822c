//! Identity sources: which of them is believed where they disagree.

use super::change;
use super::definition::refuse_used;
use super::owner::Before;
use super::segregation::Watch;
use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use serde_json::json;
use std::collections::{HashMap, HashSet};

statements! {
    SOURCE = "authz/define_source.sql";
    EXCHANGE = "authz/exchange_sources.sql";
    KEEP_DOCUMENTS = scanning "authz/keep_documents.sql";
    HAS_SOURCE = "authz/has_source.sql";
    DROP_SOURCE = "authz/drop_source.sql";
    SOURCE_USE = scanning "authz/source_use.sql";
    MANAGERS = scanning "authz/believed_managers.sql";
}

/// The source of users that are administered here, as every database has it.
pub const LOCAL: &str = "local";
/// Its precedence.
pub const LOCAL_PRECEDENCE: i32 = 100;
/// Its description.
pub const LOCAL_DESCRIPTION: &str = "Users administered here.";

/// Defines an identity source; of two that disagree the one with the lower precedence is believed.
pub fn define_source(name: &str, precedence: i32, description: Option<&str>) -> Result<()> {
    let is_good = name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.-".contains(letter));
    if !is_good {
        return Err(Error::argument(
            "the name of the source is not usable",
            "Use a lower case letter, then letters, digits, _, . or -, at most 63.",
        ));
    }
    change::begin();
    // Of a source that is new nobody was told yet.
    let moved: Vec<&str> = former(name)
        .filter(|former| *former != precedence)
        .map(|_| name)
        .into_iter()
        .collect();
    believed_otherwise(&moved, || {
        let state = SOURCE.with(|statement| {
            statement.modify(&[arg(name), arg(precedence), arg(description)], |row| {
                row.get::<bool>(1)
            })
        });
        if state.is_empty() {
            return Err(is_taken());
        }
        record(name, precedence);
        Ok(())
    })
}

/// Gives sources other precedences together: two can exchange theirs.
pub fn exchange(precedences: &[(&str, i32)]) -> Result<()> {
    change::begin();
    let (names, wanted): (Vec<&str>, Vec<i32>) = precedences.iter().copied().unzip();
    believed_otherwise(&names, || {
        let moved = EXCHANGE.with(|statement| statement.execute(&[arg(names.clone()), arg(wanted)]));
        if usize::try_from(moved) != Ok(names.len()) {
            return Err(is_taken());
        }
        for (name, precedence) in precedences {
            record(name, *precedence);
        }
        Ok(())
    })
}

/// Another precedence lets other attributes and other managers be believed.
fn believed_otherwise(moved: &[&str], change: impl FnOnce() -> Result<()>) -> Result<()> {
    if moved.is_empty() {
        return change();
    }
    for name in moved {
        KEEP_DOCUMENTS.with(|statement| statement.execute(&[arg(*name)]));
    }
    let watch = Watch::of_attributes();
    let marked: Vec<Before> = moved.iter().map(|name| Before::of_source(name)).collect();
    let was_circle = circle(&managers()).is_some();
    change()?;
    if !was_circle && let Some(user) = circle(&managers()) {
        return Err(Error::argument(
            format!("user \"{user}\" would be above himself"),
            "Give the source another precedence, or mend the managers that one of the sources tells of.",
        ));
    }
    marked.into_iter().try_for_each(Before::require_kept)?;
    watch.check()
}

fn is_taken() -> Error {
    Error::argument(
        "another source has this precedence",
        "Give each source a precedence of its own; see the view vpd.sources.",
    )
}

fn record(name: &str, precedence: i32) {
    change::record(
        "define",
        &format!("source:{name}"),
        json!({ "precedence": precedence }),
    );
}

/// Drops an identity source that tells of nobody.
pub fn drop_source(name: &str) -> Result<()> {
    if name == LOCAL {
        return Err(Error::argument(
            "the source of users who are administered here stays",
            "Give it another precedence with vpd.define_source.",
        ));
    }
    change::begin();
    require_source(name)?;
    refuse_used(&SOURCE_USE, arg(name), &format!("source \"{name}\""))?;
    DROP_SOURCE.with(|statement| statement.execute(&[arg(name)]));
    change::record("drop", &format!("source:{name}"), json!({}));
    Ok(())
}

/// An error when there is no such source.
pub(super) fn require_source(name: &str) -> Result<()> {
    former(name).map(|_| ()).ok_or_else(|| {
        Error::not_found(
            "source_not_found",
            "the identity source does not exist",
            "Define it first with vpd.define_source.",
        )
    })
}

/// The precedence of a source; `None` when there is none of the name.
fn former(name: &str) -> Option<i32> {
    HAS_SOURCE.with(|statement| statement.query_one(&[arg(name)], |row| row.required::<i32>(1)))
}

/// Who is whose manager, as it is believed now.
fn managers() -> HashMap<String, String> {
    MANAGERS
        .with(|statement| statement.query(&[], |row| Some((row.get::<String>(1)?, row.get::<String>(2)?))))
        .into_iter()
        .flatten()
        .collect()
}

/// Somebody who is above himself.
fn circle(managers: &HashMap<String, String>) -> Option<&str> {
    let mut done: HashSet<&str> = HashSet::new();
    for user in managers.keys() {
        let (mut line, mut next) = (HashSet::new(), Some(user.as_str()));
        while let Some(user) = next.filter(|user| !done.contains(user)) {
            if !line.insert(user) {
                return Some(user);
            }
            next = managers.get(user).map(String::as_str);
        }
        done.extend(line);
    }
    None
}
