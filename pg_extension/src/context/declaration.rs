//! The application contexts declared in this database, as this backend knows them: which function each trusts and whether its
//! values are shared. Forgotten as soon as somebody changes them, or any function.

use super::{global, standing};
use crate::error::{Error, Result};
use crate::sys::spi::{self, arg, oid_arg, statements};
use crate::sys::{Oid, extension, lock};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

const MAX_NAMESPACE_BYTES: usize = 128;
/// Answered by the server and not by any function.
const USERENV: &str = "USERENV";

statements! {
    CONTEXTS = scanning "context/contexts.sql";
    FUNCTION = "context/function.sql";
    INSERT = "context/insert.sql";
    DELETE = "context/delete.sql";
    SHARE = "context/share.sql";
}

thread_local! {
    static KNOWN: RefCell<Option<Rc<Declarations>>> = const { RefCell::new(None) };
    /// What was declared when it was read last.
    static LAST: RefCell<Option<Rc<Declarations>>> = const { RefCell::new(None) };
    static TABLE: Cell<Option<Oid>> = const { Cell::new(None) };
    static FORGOTTEN: Cell<u64> = const { Cell::new(0) };
}

/// A declared context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// The trusted function; `None` when it is gone or belongs to somebody else now.
    pub function: Option<Oid>,
    /// Whether its values are shared between sessions.
    pub is_global: bool,
}

/// All of them.
#[derive(Default, PartialEq, Eq)]
pub struct Declarations {
    by_namespace: HashMap<String, Declaration>,
    functions: HashSet<Oid>,
    has_global: bool,
}

impl Declarations {
    /// The context of a namespace in canonical spelling.
    pub fn find(&self, namespace: &str) -> Option<Declaration> {
        self.by_namespace.get(namespace).copied()
    }

    /// True when some context trusts the function.
    pub fn trusts(&self, function: Oid) -> bool {
        self.functions.contains(&function)
    }

    /// True when there is no context at all.
    pub fn is_empty(&self) -> bool {
        self.by_namespace.is_empty()
    }

    /// True when the values of some context are shared.
    pub fn has_global(&self) -> bool {
        self.has_global
    }
}

/// The spelling under which names of namespaces and attributes are kept: they are compared without regard to case.
pub fn canonical(name: &str) -> String {
    name.to_uppercase()
}

/// The one spelling of an attribute: of a declared context, whose names are compared without regard to case, or as it is.
pub fn plain_attribute(namespace: &str, attribute: &str) -> [String; 2] {
    let plain = canonical(namespace);
    match declarations().find(&plain) {
        Some(_) => [plain, canonical(attribute)],
        None => [namespace, attribute].map(str::to_owned),
    }
}

/// What is declared. Reads the table the first time and after a change.
pub fn declarations() -> Rc<Declarations> {
    if let Some(known) = known() {
        return known;
    }
    let before = FORGOTTEN.get();
    let loaded = Rc::new(if extension::is_installed() {
        spi::announced(load)
    } else {
        Declarations::default()
    });
    let last = LAST.replace(Some(Rc::clone(&loaded)));
    if last.is_some_and(|last| last != loaded) {
        standing::definitions_changed();
    }
    // A change announced while it was being read makes what was read good for this one use only.
    if before == FORGOTTEN.get() {
        KNOWN.set(Some(Rc::clone(&loaded)));
    }
    loaded
}

/// Looks whether what was read is still declared.
pub(super) fn follow_changes() {
    if LAST.with_borrow(Option::is_some) {
        declarations();
    }
}

/// What is declared, if this backend has read it.
pub fn known() -> Option<Rc<Declarations>> {
    KNOWN.with_borrow(Clone::clone)
}

/// Whether this backend has read what is declared, and heard of no change since.
pub(super) fn is_known() -> bool {
    KNOWN.with_borrow(Option::is_some)
}

/// Some function changed, or the extension came or went: which function a name means may have changed with it.
pub fn forget() {
    FORGOTTEN.set(FORGOTTEN.get().wrapping_add(1));
    drop(KNOWN.take());
    global::forget();
}

/// A relation changed, or all did.
pub fn relation_changed(relation: Option<Oid>) {
    if relation.is_none() || relation == TABLE.get() {
        forget();
    }
}

/// Declares a context.
pub fn create(namespace: &str, function: Oid, is_global: bool) -> Result<()> {
    let namespace = checked_namespace(namespace)?;
    let found = FUNCTION.with(|statement| {
        statement.query_one(&[oid_arg(function)], |row| {
            let name = [1, 2, 3, 4].map(|number| row.required::<String>(number));
            (name, row.required::<bool>(5))
        })
    });
    let Some(([schema, name, arguments, owner], can_be_trusted)) = found else {
        return Err(Error::not_found(
            "function_not_found",
            "the trusted function does not exist",
            "Create it first.",
        ));
    };
    if !can_be_trusted {
        return Err(Error::argument(
            format!("\"{schema}.{name}\" cannot be the trusted function of a context"),
            "Use a VOLATILE function, or a procedure, in PL/pgSQL or SQL.",
        ));
    }
    let created = INSERT.with(|statement| {
        statement.execute(&[
            arg(namespace.as_str()),
            arg(schema),
            arg(name),
            arg(arguments),
            arg(owner),
            arg(is_global),
        ])
    });
    if created == 0 {
        return Err(Error::context_exists(&namespace));
    }
    Ok(())
}

/// Says whether the values of a context are shared, which forgets those that are. What function it trusts stays.
pub fn share(namespace: &str, is_global: bool) -> Result<()> {
    let namespace = canonical(namespace);
    let changed = SHARE.with(|statement| statement.execute(&[arg(namespace.as_str()), arg(is_global)]));
    if changed > 0 {
        global::clear(&namespace, None, None);
    }
    Ok(())
}

/// Drops a context with its shared values.
pub fn remove(namespace: &str) -> Result<()> {
    let namespace = canonical(namespace);
    let dropped = DELETE.with(|statement| statement.execute(&[arg(namespace.as_str())]));
    if dropped == 0 {
        return Err(Error::not_found(
            "context_not_found",
            "the context does not exist",
            "Look at vpd.contexts.",
        ));
    }
    global::clear(&namespace, None, None);
    Ok(())
}

fn load() -> Declarations {
    TABLE.set(lock::table(c"application_context"));
    let rows = CONTEXTS.with(|statement| {
        statement.query(&[], |row| {
            let declaration = Declaration {
                function: row.get::<Oid>(2),
                is_global: row.required(3),
            };
            (row.required::<String>(1), declaration)
        })
    });
    Declarations {
        functions: rows
            .iter()
            .filter_map(|(_, declaration)| declaration.function)
            .collect(),
        has_global: rows.iter().any(|(_, declaration)| declaration.is_global),
        by_namespace: rows.into_iter().collect(),
    }
}

fn checked_namespace(namespace: &str) -> Result<String> {
    let canonical = canonical(namespace);
    let is_letter = |letter: char| letter.is_ascii_uppercase();
    let is_name = namespace.is_ascii()
        && canonical.len() <= MAX_NAMESPACE_BYTES
        && canonical.starts_with(is_letter)
        && canonical
            .chars()
            .all(|letter| is_letter(letter) || letter.is_ascii_digit() || "_$#".contains(letter));
    if is_name && canonical != USERENV {
        return Ok(canonical);
    }
    Err(Error::argument(
        "the namespace is not usable",
        "Use a letter, then letters, digits, _, $ or #, at most 128 bytes; USERENV belongs to the server.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_kept_in_upper_case() {
        assert_eq!(checked_namespace("order_Ctx").ok().as_deref(), Some("ORDER_CTX"));
    }

    #[test]
    fn bad_namespaces_are_refused() {
        let long = "a".repeat(129);
        for bad in [
            "",
            "userenv",
            "1st",
            "a b",
            "a.b",
            "ä",
            "ß",
            "a'b",
            "_a",
            long.as_str(),
        ] {
            assert!(checked_namespace(bad).is_err(), "{bad}");
        }
    }
}
