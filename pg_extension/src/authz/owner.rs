//! Whom a definition belongs to: what somebody shipped or marked, others do not change.
//!
//! Whoever changes something asks here whose it is: what he changes itself, what would be gone with it, and what would mean something else after
//! it. Not here: finding the rows that a change meets. Invariant: the owner of something can always take it away, and nobody becomes the owner of
//! what others rest on.

use super::reference::check_name;
use super::{Kind, Node, Reference, change};
use crate::error::{Error, Result};
use crate::sys::spi::{Row, arg, statements};
use crate::sys::user;
use serde_json::json;
use std::cell::Cell;
use std::collections::HashMap;

statements! {
    REFERENCES = "authz/seeded_references.sql";
    SEED = "authz/seed.sql";
    HELD_OWNERS = "authz/held_owners.sql";
    IS_MEMBER = "authz/is_member.sql";
    PROFILES = scanning "authz/marked_profiles.sql";
    UNIT_RULES = "authz/marked_unit_rules.sql";
    ACTION_RULES = "authz/marked_action_rules.sql";
}

/// Privileges that decide who may break a rule begin so: whoever could hand them on could excuse himself.
const EXCUSING: &str = "segregation:";

thread_local! {
    /// The owner in whose name definitions are made now.
    static OWNER: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Marks a definition, and what it holds now, as belonging to somebody: others may add to it and not change it.
pub fn mark_seeded(reference: &Reference, owner: Option<&str>) -> Result<()> {
    change::begin();
    let node = reference.require()?;
    require_free(&node)?;
    // As its owner the caller could take it away from whoever rests on it.
    require_unreferenced(&node)?;
    check_owner(owner)?;
    let owners =
        HELD_OWNERS.with(|statement| statement.query(&[arg(node.id)], |row| row.required::<String>(1)));
    let foreign: Vec<String> = owners.into_iter().filter(|owner| !may_change(owner)).collect();
    SEED.with(|statement| statement.execute(&[arg(node.id), arg(owner), arg(foreign)]));
    change::record("seed", &reference.to_string(), json!({ "owner": owner }));
    Ok(())
}

/// An error when the caller cannot mark anything as belonging to somebody.
pub fn check_owner(owner: Option<&str>) -> Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    check_name(owner)?;
    if may_change(owner) {
        return Ok(());
    }
    Err(Error::argument(
        "you are no member of the owner",
        "Name a database role that you are a member of, or ask a superuser.",
    ))
}

/// Does something in the name of an owner: what a shipped catalogue brings along belongs to the extension, whoever installs it.
pub fn as_owner<T>(owner: &'static str, work: impl FnOnce() -> T) -> T {
    /// Gives the former owner back, when unwinding too.
    struct Former(Option<&'static str>);
    impl Drop for Former {
        fn drop(&mut self) {
            OWNER.set(self.0);
        }
    }
    let _former = Former(OWNER.replace(Some(owner)));
    work()
}

/// True when the current user may change what the owner has marked: a superuser, or a member of the database role of that name.
pub fn may_change(owner: &str) -> bool {
    user::is_superuser()
        || OWNER.get() == Some(owner)
        || IS_MEMBER
            .with(|statement| {
                statement.query_one(&[arg(user::current_name()), arg(owner)], |row| row.get::<bool>(1))
            })
            .flatten()
            .unwrap_or(false)
}

/// True when something is marked, and the caller may change it: then he can take it away from whomever has it.
fn is_own(owner: Option<&str>) -> bool {
    owner.is_some_and(may_change)
}

/// The first owner among marks who is somebody else.
fn foreign<'a>(marks: impl IntoIterator<Item = Option<&'a str>>) -> Option<&'a str> {
    marks.into_iter().flatten().find(|owner| !may_change(owner))
}

/// An error when one of the marks that a change meets is somebody else's, unless what they hang on (`whole`) is marked as the caller's own.
pub fn refuse_foreign<'a>(
    whole: Option<&str>,
    marks: impl IntoIterator<Item = Option<&'a str>>,
    what: impl FnOnce() -> String,
) -> Result<()> {
    match foreign(marks).filter(|_| !is_own(whole)) {
        Some(owner) => Err(Error::seeded(&what(), owner)),
        None => Ok(()),
    }
}

/// Marks of many rows: there are few owners, and each is looked up once.
#[derive(Default)]
pub struct Marks(HashMap<String, bool>);

impl Marks {
    /// Whether a mark is somebody else's, unless what it hangs on (`whole`) is marked as the caller's own.
    pub fn is_foreign(&mut self, whole: Option<String>, mark: Option<String>) -> bool {
        mark.is_some_and(|owner| !self.may_change(owner))
            && !whole.is_some_and(|owner| self.may_change(owner))
    }

    fn may_change(&mut self, owner: String) -> bool {
        *self.0.entry(owner).or_insert_with_key(|owner| may_change(owner))
    }
}

/// An error when the node belongs to somebody else.
pub fn require_free(node: &Node) -> Result<()> {
    refuse_foreign(None, [node.seeded_by.as_deref()], || node.reference.to_string())
}

/// Whose a node is that the caller cannot take away: it is marked itself, or a grant or rule that refers to it is. Users are dropped by whoever may
/// change them.
pub fn foreign_owner(node: &Node) -> Option<String> {
    match foreign([node.seeded_by.as_deref()]) {
        Some(owner) => Some(owner.to_owned()),
        None => foreign_reference(node),
    }
}

/// Whose grant or rule refers to a node that the caller therefore cannot take away. Users are locked out all the same, and what is his own the
/// caller can always take away.
fn foreign_reference(node: &Node) -> Option<String> {
    if node.reference.kind == Kind::User || is_own(node.seeded_by.as_deref()) {
        return None;
    }
    let owners = REFERENCES.with(|statement| statement.query(&[arg(node.id)], |row| row.get::<String>(1)));
    foreign(owners.iter().map(Option::as_deref)).map(str::to_owned)
}

/// An error when what somebody else shipped would lose the node.
pub fn require_unreferenced(node: &Node) -> Result<()> {
    match foreign_reference(node) {
        Some(owner) => Err(Error::seeded(
            &format!("what refers to {}", node.reference),
            &owner,
        )),
        None => Ok(()),
    }
}

/// An error when the caller would hand on what excuses from rules, and it is somebody else's.
pub(super) fn require_handed_on(node: &Node) -> Result<()> {
    let is_excusing = node.reference.kind == Kind::Privilege && node.reference.name.starts_with(EXCUSING);
    if is_excusing { require_free(node) } else { Ok(()) }
}

/// An error when a rule of duties that somebody else marked speaks of one of these actions.
pub fn require_free_actions(actions: &[String]) -> Result<()> {
    let rules = ACTION_RULES.with(|statement| statement.query(&[arg(actions.to_vec())], marked));
    refuse_marked(&rules, "an action of")
}

/// Something marked: its name, its owner, and what it says.
type Marked = (String, Option<String>, Option<String>);

fn marked(row: &Row) -> Marked {
    (row.required(1), row.get(2), row.get(3))
}

fn refuse_marked(all: &[Marked], of: &str) -> Result<()> {
    all.iter()
        .try_for_each(|(name, owner, _)| refuse_foreign(None, [owner.as_deref()], || format!("{of} {name}")))
}

/// What was marked, and what it said, before a change of something else.
pub struct Before {
    marked: Vec<Marked>,
    read: Box<dyn Fn() -> Vec<Marked>>,
    what: &'static str,
}

impl Before {
    fn of(what: &'static str, read: impl Fn() -> Vec<Marked> + 'static) -> Self {
        Self {
            marked: read(),
            read: Box::new(read),
            what,
        }
    }

    /// What is believed of marked users of whom a source tells.
    pub(super) fn of_source(source: &str) -> Self {
        let source = source.to_owned();
        Self::of("what is believed of", move || {
            PROFILES.with(|statement| statement.query(&[arg(source.as_str())], marked))
        })
    }

    /// The marked rules of duties that reach a unit.
    pub(super) fn of_unit(unit: &str) -> Self {
        let unit = unit.to_owned();
        Self::of("the reach of", move || {
            UNIT_RULES.with(|statement| statement.query(&[arg(unit.as_str())], marked))
        })
    }

    /// An error when something of it that belongs to somebody else is gone, or says something else.
    pub(super) fn require_kept(mut self) -> Result<()> {
        let now = (self.read)();
        self.marked.retain(|marked| !now.contains(marked));
        refuse_marked(&self.marked, self.what)
    }
}
