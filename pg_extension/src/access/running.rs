//! Statements that are recorded, from their start to their end.
//!
//! One that ends is recorded with what came out; one that does not, because of an error or because its transaction ended, when that happens.

use super::known::{AuditPolicy, is_any, policies};
use super::predicates;
use crate::error::{Error, Result};
use crate::guc;
use crate::sys::restriction::Command;
use crate::sys::running::{Access, Running};
use crate::sys::{Oid, relation, report, ring, scribe, xact};
use crate::trail::{self, Event};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

/// The key of a command on a whole table, which is no query.
const WHOLE: usize = 0;

/// A statement that was started and has not ended.
struct Pending {
    /// Tells the queries of a transaction apart.
    key: usize,
    /// Nesting depth of the transaction where it began.
    level: i32,
    statement_id: Option<i64>,
    /// What it does as a whole.
    command: Option<Command>,
    /// Rows that came out whenever it ran.
    row_count: Option<i64>,
    touched: Vec<Touched>,
}

/// A table that it reads or writes.
#[derive(PartialEq)]
struct Touched {
    relation: String,
    command: Command,
    predicates: Option<Rc<str>>,
    is_strict: bool,
}

thread_local! {
    static PENDING: RefCell<Vec<Pending>> = const { RefCell::new(Vec::new()) };
}

/// A query starts.
pub fn starts(query: &Running) -> Result<()> {
    if !is_any() {
        return Ok(());
    }
    if PENDING.with_borrow(Vec::is_empty) {
        trail::forget_failure();
    }
    let mut touched: Vec<Touched> = Vec::new();
    query.accesses(|access| {
        // One record for each table and command, however often it stands in the query.
        if let Some(one) = touch(access).filter(|one| !touched.contains(one)) {
            touched.push(one);
        }
    });
    begin(query.key(), query.statement_id(), query.command(), touched)
}

/// A query starts in a parallel worker, where nobody knows whose session it is: a table under an audit policy is not read there.
pub fn starts_in_worker(query: &Running) -> Result<()> {
    let mut is_audited = false;
    if is_any() {
        query.accesses(|access| is_audited |= !policies(access.relation).is_empty());
    }
    if is_audited {
        return Err(Error::parallel_worker());
    }
    Ok(())
}

/// A command that is no query is about to run on a table.
pub fn commanded(table: Oid, name: &str) -> Result<()> {
    let policies = policies(table);
    if policies.is_empty() {
        return Ok(());
    }
    let recorded = trail::record(&Event {
        name: "data.command",
        relation: Some(&relation::full_name(table)),
        command: Some(&name.to_ascii_lowercase()),
        is_change: true,
        ..Event::default()
    });
    if policies.iter().any(|policy| policy.is_strict) {
        wait_for(recorded)?;
    }
    Ok(())
}

/// COPY of a whole table, which runs no query.
pub fn copies(table: Oid, is_into: bool) -> Result<()> {
    whole(table, if is_into { Command::Insert } else { Command::Select })
}

/// That is done.
pub fn copied() {
    finish(WHOLE);
}

/// TRUNCATE takes every row.
pub fn truncates(table: Oid) -> Result<()> {
    whole(table, Command::Delete)?;
    finish(WHOLE);
    Ok(())
}

fn whole(table: Oid, command: Command) -> Result<()> {
    if !is_any() {
        return Ok(());
    }
    let access = Access::whole(table, command);
    let Some(touched) = touch(&access) else {
        return Ok(());
    };
    begin(WHOLE, None, Some(command), vec![touched])
}

/// What is recorded of an access; `None` where no audit policy asks for it.
fn touch(access: &Access) -> Option<Touched> {
    let all = policies(access.relation);
    // What the relation is under that the query names is recorded with that.
    let named = access.part_of.map(policies);
    let is_told = |policy: &AuditPolicy| {
        named
            .iter()
            .flat_map(|named| named.iter())
            .any(|other| other.on == policy.on)
    };
    let mut asking = all
        .iter()
        .filter(|policy| !is_told(policy))
        .filter(|policy| {
            policy.commands.iter().any(|name| name == access.command.name())
                && policy
                    .columns
                    .as_ref()
                    .is_none_or(|columns| access.names_any(columns))
        })
        .peekable();
    asking.peek()?;
    let is_strict = asking.any(|policy| policy.is_strict);
    Some(Touched {
        relation: relation::full_name(access.relation),
        command: access.command,
        predicates: predicates::applied(access.relation, access.command),
        is_strict,
    })
}

/// Notes a statement; under a strict policy it waits until that is durable.
fn begin(
    key: usize,
    statement_id: Option<i64>,
    command: Option<Command>,
    touched: Vec<Touched>,
) -> Result<()> {
    if touched.is_empty() {
        return Ok(());
    }
    let pending = Pending {
        key,
        level: xact::nest_level(),
        statement_id,
        command,
        row_count: None,
        touched,
    };
    // Whoever it is: at the end of a transaction that failed nobody can look.
    trail::know_client();
    if xact::is_standby() {
        return on_standby(&pending);
    }
    let mut last = None;
    for touched in pending.touched.iter().filter(|touched| touched.is_strict) {
        let intent = trail::record(&pending.event("data.begin", touched));
        last = Some(intent.ok_or_else(Error::audit_unavailable)?);
    }
    if last.is_some() {
        wait_for(last)?;
    }
    PENDING.with_borrow_mut(|all| {
        // An ended query may have stood at the same place.
        all.retain(|known| known.key != key || key == WHOLE);
        all.push(pending);
    });
    Ok(())
}

/// Waits until a record is durable; an error where there was no room for it.
fn wait_for(record: Option<u64>) -> Result<()> {
    let number = record.ok_or_else(Error::audit_unavailable)?;
    ring::wake();
    scribe::wait_until_durable(number)
}

/// Nothing can be written here.
fn on_standby(pending: &Pending) -> Result<()> {
    if !guc::is_audited_on_standby() {
        return Err(Error::audit_unavailable());
    }
    for touched in &pending.touched {
        let subject = trail::subject();
        let line = json!({
            "event": "data",
            "user_name": subject.as_ref().and_then(|subject| subject.user_name.as_deref()),
            "session_id": subject.as_ref().and_then(|subject| subject.session_id.as_deref()),
            "relation": touched.relation,
            "command": touched.command.name(),
            "predicates": touched.predicates.as_deref(),
        });
        report::log(format!("pg_vpd audit: {line}"));
    }
    Ok(())
}

impl Pending {
    fn event<'a>(&'a self, name: &'a str, touched: &'a Touched) -> Event<'a> {
        Event {
            name,
            relation: Some(&touched.relation),
            command: Some(touched.command.name()),
            statement_id: self.statement_id,
            row_count: self.row_count.filter(|_| self.command == Some(touched.command)),
            predicates: touched.predicates.as_deref(),
            is_change: touched.command != Command::Select,
            ..Event::default()
        }
    }

    fn record(&self, verdict: Option<&str>) {
        for touched in &self.touched {
            let event = self.event("data", touched);
            trail::record(&Event {
                verdict,
                is_change: event.is_change && verdict.is_none(),
                ..event
            });
        }
    }
}

/// A query ran, as far as it was asked to.
pub fn ran(query: &Running) {
    let key = query.key();
    PENDING.with_borrow_mut(|all| {
        if let Some(pending) = all.iter_mut().find(|known| known.key == key) {
            pending.row_count = Some(pending.row_count.unwrap_or(0) + query.row_count());
        }
    });
}

/// A query ended.
pub fn ends(query: &Running) {
    finish(query.key());
}

fn finish(key: usize) {
    let ended = PENDING.with_borrow_mut(|all| {
        let place = all.iter().rposition(|known| known.key == key)?;
        Some(all.remove(place))
    });
    if let Some(pending) = ended {
        pending.record(None);
    }
}

/// A savepoint of this level was released.
pub fn savepoint_released(level: i32) {
    PENDING.with_borrow_mut(|all| {
        for pending in all.iter_mut().filter(|known| known.level >= level) {
            pending.level = level - 1;
        }
    });
}

/// A savepoint of this level was rolled back to: what ran in it ended.
pub fn savepoint_rolled_back(level: i32) {
    end_from(level);
}

/// The transaction is over, and with it whatever still ran.
pub fn transaction_ended() {
    end_from(0);
}

fn end_from(level: i32) {
    let ended = PENDING.with_borrow_mut(|all| {
        let (ended, left) = std::mem::take(all)
            .into_iter()
            .partition(|known: &Pending| known.level >= level);
        *all = left;
        ended
    });
    if !ended.is_empty() {
        let verdict = trail::last_failure();
        for pending in &ended {
            // Without an error that was reported: a cursor that was left open, or an error that somebody caught before the first row.
            let otherwise = if pending.row_count.is_some() {
                "closed"
            } else {
                "failed"
            };
            pending.record(Some(verdict.as_deref().unwrap_or(otherwise)));
        }
    }
}
