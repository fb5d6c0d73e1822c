//! The table of events and questions: what hooks and callbacks tell, and what they ask. `events` fills it once, when the library is loaded; `sys` names
//! no domain.
//!
//! An error that comes back ends the statement it was asked for.

use super::counts::Counts;
use super::predicate::Compiled;
use super::restriction::{Command, MaskedColumn, Restrictions, Watched};
use super::ring::Batch;
use super::row_trigger::RowTrigger;
use super::running::Running;
use super::share::Share;
use super::wired::Wired;
use crate::error::{Error, Result};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::Oid;
use serde_json::Value;
use std::cmp::Ordering;
use std::rc::Rc;
use vpd_text::sealed::Kind;

static TABLE: Wired<Table> = Wired::new();

/// All of them, by topic.
pub struct Table {
    pub statement: Statement,
    pub transaction: Transaction,
    pub change: Change,
    pub command: Commands,
    pub policy: Policy,
    pub session: Session,
    pub node: Node,
    pub row: Row,
    pub purge: Purge,
    pub trail: Trail,
    pub audit: Audit,
    pub sealing: Sealing,
}

/// Statements start and run.
pub struct Statement {
    /// A query starts, of an application or of what one calls, and is to run: EXPLAIN starts one as well.
    pub starts: fn(&Running, bool) -> Result<()>,
    /// It runs, or goes on after a fetch. Where its rows outlive the transaction it returns how often another session had been attached before.
    pub runs: fn(&Running) -> Result<Option<u64>>,
    /// It has run as far as it was asked to, and its rows outlive the transaction; with what `runs` returned.
    pub ran: fn(u64) -> Result<()>,
    /// A query starts in a parallel worker, inside the part of a plan that runs there.
    pub starts_in_worker: fn(&Running) -> Result<()>,
    /// A command that is no query is about to run on a table; its name.
    pub commanded: fn(Oid, &str) -> Result<()>,
    /// A command that checks every stored value of a type is about to run; its name.
    pub commanded_type: fn(Oid, &str) -> Result<()>,
    /// It begins with what is still to do at its end: rows that nobody fetched, triggers.
    pub finishes: fn(&Running),
    /// That is done.
    pub finished: fn(&Running),
    /// It has run, as far as it was asked to.
    pub paused: fn(&Running),
    /// It ends.
    pub ends: fn(&Running),
    /// Whether anybody wants to know of commands on tables.
    pub is_any_recorded: fn() -> bool,
    /// A whole table is copied: to the client, or into it.
    pub copies: fn(Oid, bool) -> Result<()>,
    /// That is done.
    pub copied: fn(),
    /// A command starts whose parts reach no start of a query.
    pub command_starts: fn() -> Result<()>,
}

/// Transactions and savepoints end.
pub struct Transaction {
    /// The transaction is about to commit, and can still do something.
    pub commits: fn(),
    /// It has committed: others see what it did.
    pub committed: fn(),
    /// It was rolled back.
    pub rolled_back: fn(),
    /// May it be prepared?
    pub may_be_prepared: fn() -> Result<()>,
    /// It was prepared: it leaves this backend.
    pub prepared: fn(),
    /// A savepoint of this level was released.
    pub savepoint_released: fn(i32),
    /// The transaction goes back to before a savepoint of this level.
    pub savepoint_rolled_back: fn(i32),
    /// DISCARD ALL: nothing is to be left.
    pub discarded: fn(),
}

/// Definitions change, of applications and of ours.
pub struct Change {
    /// A relation, or all. Told in the middle of anything: no catalogue is read.
    pub relation: fn(Option<Oid>),
    /// A relation that was looked up when predicates were made. Likewise.
    pub looked_up: fn(),
    /// Some function. Likewise.
    pub function: fn(),
    /// A command that may change columns is about to run.
    pub columns_change: fn(),
    /// It has run.
    pub columns_changed: fn() -> Result<()>,
    /// A table got a column.
    pub column_added: fn(Oid, &str) -> Result<()>,
    /// Relations became partitions or children.
    pub joined: fn(&[Oid]) -> Result<()>,
    /// Row security of a table was forced, as a dump does it.
    pub forced: fn(Oid),
    /// A view, a materialized view or a table with rules was made or changed.
    pub reader_made: fn(Oid) -> Result<()>,
    /// A role was given what others owned.
    pub owner_changed: fn(Oid) -> Result<()>,
    /// A publication was made or got more tables.
    pub published: fn(&str) -> Result<()>,
    /// Something of ours that closes a table may have been taken from it.
    pub defence_taken: fn(Oid),
    /// A policy of PostgreSQL's own was made, changed or dropped.
    pub native_policy: fn(Oid),
    /// The extension is about to be dropped with all that depends on it.
    pub extension_dropped: fn(),
    /// Rows of a dump came into tables of the extension without their triggers.
    pub rows_restored: fn(),
}

/// May a role that policies apply to run a command?
pub struct Commands {
    pub create_index: fn(Oid) -> Result<()>,
    pub truncate: fn(Oid) -> Result<()>,
    /// A new part of a partitioned table: its rows are put through the keys.
    pub add_partition: fn(Oid) -> Result<()>,
    /// Stored values of a type are put through an expression.
    pub convert_type: fn(Oid) -> Result<()>,
    /// Names inside a type, or its casts, get another meaning.
    pub rename_in_type: fn(Oid) -> Result<()>,
    /// Reading what holds the values of other tables, for a role when it is not the current one.
    pub read_store: fn(Oid, Option<Oid>) -> Result<()>,
    /// Reading or writing the private half of the signing key, for a role when it is not the current one.
    pub reach_secret: fn(Option<Oid>) -> Result<()>,
}

/// What policies say of a relation.
pub struct Policy {
    /// Whether it is under policy, and so are commands on it.
    pub is_protected: fn(Oid) -> bool,
    /// Whether it shows rows at all.
    pub is_open: fn(Oid) -> bool,
    /// What restricts a command; `None` where nothing does.
    pub restrictions: fn(Oid, Command) -> Result<Option<Restrictions>>,
    /// Whether any relation of this database has masks.
    pub has_masks: fn() -> bool,
    /// The columns that the session may not see in every row.
    pub masks: fn(Oid) -> Result<Vec<MaskedColumn>>,
    /// Those of them that are sealed: for whom no row security applies as well.
    pub sealed_masks: fn(Oid) -> Result<Vec<MaskedColumn>>,
    /// Whether it has the guard, as the library makes it.
    pub has_guard: fn(Oid) -> bool,
    /// Whether it has a trigger of the library by that name.
    pub has_trigger: fn(Oid, &str) -> bool,
    /// Whether a trigger is one of the library.
    pub is_own_trigger: fn(Oid) -> bool,
}

/// The attached session, and the functions that are trusted with its values.
pub struct Session {
    pub is_attached: fn() -> bool,
    /// An error while rows of a session would outlive its transaction.
    pub may_hold_cursor: fn() -> Result<()>,
    /// Likewise in a temporary table.
    pub may_keep_temporary_table: fn() -> Result<()>,
    /// Does something while nobody's session is attached.
    pub without: fn(&mut dyn FnMut()),
    /// An attribute of a namespace, declared or not.
    pub attribute: fn(&str, &str) -> Option<String>,
    /// What attributes rest on: as long as it is the same, so are they. `None` when that has to be looked at first.
    pub attributes_rest_on: fn() -> Option<(u64, u64)>,
    /// Whether some context trusts the function, as far as this backend knows.
    pub may_trust: fn(Oid) -> bool,
    /// Whether this backend knows that no function is trusted.
    pub is_known_to_trust_none: fn() -> bool,
    /// The same, after a look where it does not know.
    pub trusts_none: fn() -> bool,
}

/// Nodes of hierarchies, which are told apart by small numbers.
pub struct Node {
    /// The hierarchy of a name.
    pub find: fn(&str) -> Result<usize>,
    /// Whether the attached session sees the node with a key.
    pub sees: fn(usize, Option<&[u8]>) -> Result<bool>,
    /// How many nodes it sees.
    pub share: fn(usize) -> Result<Share>,
    /// The keys of all that it sees.
    pub visible_keys: fn(usize) -> Result<Vec<Vec<u8>>>,
    /// A plan is made for a session that sees few nodes, or many.
    pub note_plan: fn(usize, bool),
}

/// The row triggers of the library.
pub struct Row {
    /// A row of a table with audit columns is about to be stored or deleted.
    pub before: fn(&mut RowTrigger) -> Result<()>,
    /// A row of a table with protected actions was stored.
    pub after: fn(&RowTrigger) -> Result<()>,
    /// A row of a table whose sealed columns are about persons is about to be stored.
    pub about_person: fn(&mut RowTrigger) -> Result<()>,
}

/// The work of the purge worker in its database.
pub struct Purge {
    /// Seconds between two runs.
    pub interval: fn() -> u32,
    /// One batch of at most so many rows of a kind.
    pub batch: fn(i32) -> Result<Counts>,
    /// The table whose turn it is to be sealed anew, of those that did not fail since then.
    pub next_asked: fn(TimestampWithTimeZone) -> Option<Oid>,
    /// One batch of it.
    pub of_asked: fn(Oid, i32),
    /// A run that began then is over after so many batches: what it came to is written down.
    pub ended: fn(TimestampWithTimeZone, i32, Counts),
}

/// The audit trail.
pub struct Trail {
    /// Writes records down in the current transaction, and that so many were lost since then.
    pub write: fn(&Batch, u64, i64) -> Result<()>,
    /// Signs the end of the trail, while nothing is to be written, or without waiting for that.
    pub seal: fn(bool) -> Result<()>,
    /// Something was refused, by an error that is about to be raised.
    pub refused: fn(&Error),
    /// The server itself reports an error of this SQLSTATE.
    pub failed: fn(&str),
    /// A function of the extension that changes something was called with these arguments, and ended like that.
    pub changed: fn(&str, &Value, &str),
}

/// Audit policies with a condition.
pub struct Audit {
    /// Whether there is one.
    pub has_conditions: fn() -> bool,
    /// Those that wait for a row of a relation for one of these commands. It is locked.
    pub watched: fn(Oid, &[Command]) -> Vec<Watched>,
    /// The condition for a relation, of the one of a name on a table; `None` for one that every row meets.
    pub condition: fn(Oid, Oid, &str) -> Option<Rc<Compiled>>,
    /// Whether it waits for a row in the query that runs now.
    pub is_waiting: fn(Oid, &str) -> bool,
    /// A row of it came by.
    pub met: fn(Oid, &str) -> Result<()>,
}

/// A value, the name of a person and a permit; returns the value sealed anew.
pub type Renewed = fn(&[u8], Option<&str>, &str) -> Result<Vec<u8>>;

/// Values of the sealed types. A modifier is that of the type: -1, a key, or a column.
pub struct Sealing {
    /// Whether this database has a key.
    pub is_any: fn() -> bool,
    /// The envelope that a text is, if it begins like one.
    pub envelope: fn(&[u8]) -> Result<Option<Vec<u8>>>,
    /// An envelope that comes in from outside.
    pub taken: fn(Vec<u8>, Kind, i32) -> Result<Vec<u8>>,
    /// A value that comes in open.
    pub sealed: fn(Kind, &[u8], i32) -> Result<Vec<u8>>,
    /// What goes out: the value, a mask or the text of the envelope.
    pub shown: fn(&[u8]) -> Result<Vec<u8>>,
    /// The value as text, for who may see it; `None` for what was about somebody who was forgotten.
    pub opened: fn(&[u8]) -> Result<Option<String>>,
    /// The version that sealed a value: -1 where that is a former one and nobody can read it any more, `None` where it is not sealed.
    pub version: fn(&[u8]) -> Result<Option<i32>>,
    /// The same value sealed anew, about the person of a name.
    pub renewed: Renewed,
    /// An error where a value is not about the person of a name.
    pub is_about: fn(&[u8], Option<&str>) -> Result<()>,
    /// Whether a value that is being sealed anew is about another person than the one of a name.
    pub differs: fn(&[u8], Option<&str>, &str) -> Result<bool>,
    /// The value as text, for the command that opens its column and has this token.
    pub opened_in_column: fn(&[u8], &str) -> Result<Option<String>>,
    /// An error where a column of a relation, by its number, is no place for values of a modifier.
    pub may_be_stored: fn(Oid, i16, i32) -> Result<()>,
    /// Keeps the versions of the key of a modifier from being destroyed while the transaction lasts.
    pub held: fn(i32) -> Result<()>,
    /// A value on its way into a column or to a key; whether somebody wrote the cast.
    pub coerced: fn(&[u8], i32, bool) -> Result<Vec<u8>>,
    /// What a value is compared by with those of a column.
    pub tagged: fn(&[u8], i32) -> Result<Vec<u8>>,
    /// The same for a value that comes in open.
    pub sought: fn(Kind, &[u8], i32) -> Result<Vec<u8>>,
    /// Whether values of two modifiers can be compared at all.
    pub comparable: fn(i32, i32) -> Result<()>,
    /// Which of two comes first, and whether they are equal.
    pub order: fn(&[u8], &[u8]) -> Result<Ordering>,
    /// The order of two values in an index or a sort, where no open one may be.
    pub sorted: fn(&[u8], &[u8]) -> Result<Ordering>,
    /// What is hashed of a value.
    pub hashed: fn(&[u8]) -> Result<Vec<u8>>,
    /// The modifier that words mean, and the other way round.
    pub modifier: fn(&[String]) -> Result<i32>,
    pub modifier_text: fn(i32) -> Result<String>,
    /// The mask of a key, as a value.
    pub mask: fn(&str) -> Result<Vec<u8>>,
    /// Whether the session may have the values of a modifier written anew: an error where it would write masks.
    pub rewritable: fn(i32) -> Result<()>,
    /// Another column for the key of a modifier.
    pub new_place: fn(i32) -> Result<i32>,
    /// Whether what a modifier seals is about persons.
    pub is_per_person: fn(i32) -> Result<bool>,
}

/// Fills the table.
pub fn fill(table: Table) {
    TABLE.fill(table);
}

/// Whom to tell and to ask.
pub(super) fn table() -> &'static Table {
    TABLE.get()
}
