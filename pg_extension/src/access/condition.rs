//! The condition of an audit policy: which rows it asks for.
//!
//! It is evaluated for whoever reads the table, superusers too, so it runs nobody's code and follows no setting. Invariant: one that cannot be understood any more holds for
//! every row.

use crate::error::{Error, Result};
use crate::sys::predicate::{Compiled, compile, compile_as};
use crate::sys::{Oid, xact};
use std::cell::OnceCell;
use std::rc::Rc;

const MAX_CONDITION_BYTES: usize = 64 * 1024;
/// A function gets no more than 100 values.
const MAX_COLUMNS: usize = 90;

/// A condition, for one relation.
pub struct Condition {
    text: String,
    /// Name of the table it was written for.
    table: String,
    compiled: OnceCell<Option<Rc<Compiled>>>,
}

impl Condition {
    pub fn new(text: String, table: String) -> Self {
        Self {
            text,
            table,
            compiled: OnceCell::new(),
        }
    }

    /// Ready to be put into a query; `None` when it cannot be understood. The relation is locked.
    pub fn compiled(&self, relation: Oid) -> Option<Rc<Compiled>> {
        if let Some(known) = self.compiled.get() {
            return known.clone();
        }
        if !xact::can_attempt() {
            return None;
        }
        let compile = || {
            let compiled = compile_as(relation, Some(&self.table), &self.text, None)?;
            check_compiled(&compiled).map(|()| Rc::new(compiled))
        };
        let compiled = xact::attempt(compile).ok();
        self.compiled.get_or_init(|| compiled).clone()
    }
}

/// An error unless the text can be a condition on the table, which is locked.
pub fn check(table: Oid, text: &str) -> Result<()> {
    if text.len() > MAX_CONDITION_BYTES {
        return Err(Error::predicate_invalid(false, "it is longer than 64 KiB"));
    }
    let compiled = compile(table, text, None)?;
    compiled.warn_of_captured();
    check_compiled(&compiled)
}

fn check_compiled(compiled: &Compiled) -> Result<()> {
    if compiled.selects() {
        return Err(Error::predicate_invalid(
            false,
            "the condition of an audit policy has no sub-select",
        ));
    }
    if compiled.column_count() > MAX_COLUMNS {
        return Err(Error::predicate_invalid(
            false,
            "the condition of an audit policy names at most 90 columns",
        ));
    }
    match compiled.foreign_part() {
        None => Ok(()),
        Some(part) => Err(Error::predicate_invalid(
            false,
            &format!(
                "the condition of an audit policy calls what is PostgreSQL's own and IMMUTABLE; not {part}"
            ),
        )),
    }
}
