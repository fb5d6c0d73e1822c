//! Statements that are recorded, from their start to their end.
//!
//! One that ends is recorded with what came out; one that does not, because of an error or because its transaction ended, when that happens. An audit policy with a condition
//! counts from the first row of it on.

use super::known::{AuditPolicy, is_any, parts, policies};
use super::pending::{Pending, Touched};
use super::{known, now, predicates};
use crate::error::{Error, Result};
use crate::guc;
use crate::sys::restriction::Command;
use crate::sys::running::{Access, Running};
use crate::sys::{Oid, relation, report, ring, scribe, xact};
use crate::trail::{self, Event};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use vpd_text::statement::without_constants;

/// The key of a command on a whole table, which is no query.
const WHOLE: usize = 0;

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
    let is_repeated = |access: &Access| {
        let mut times = 0;
        let is_same = |other: &Access| (other.relation, other.command) == (access.relation, access.command);
        query.accesses(|other| times += usize::from(is_same(other)));
        times > 1
    };
    let mut add = |access: &Access| {
        // One record for each table and command, however often it stands in the query.
        if let Some(one) = touch(access, || is_repeated(access)) {
            let is_same =
                |known: &&mut Touched| (known.relation, known.command) == (one.relation, one.command);
            match touched.iter_mut().find(is_same) {
                Some(known) => known.join(one),
                None => touched.push(one),
            }
        }
    };
    query.accesses(&mut add);
    // Rows go into parts that the plan does not name.
    query.accesses(|access| {
        if access.part_of.is_none() && matches!(access.command, Command::Insert | Command::Update) {
            for part in parts(access.relation).iter() {
                add(&Access::part(*part, access.command, access.relation));
            }
        }
    });
    if touched.is_empty() {
        return Ok(());
    }
    let is_text_told = |touched: &Touched| touched.policies().any(|policy| policy.tells_statement);
    begin(Pending {
        key: query.key(),
        level: xact::nest_level(),
        statement_id: query.statement_id(),
        subject: trail::subject(),
        statement: touched
            .iter()
            .any(is_text_told)
            .then(|| without_constants(&query.text())),
        command: query.command(),
        row_count: None,
        touched,
    })
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

/// A command that checks or rewrites every stored value of a type is about to run.
pub fn commanded_type(kind: Oid, name: &str) -> Result<()> {
    known::tables_with(kind)
        .into_iter()
        .try_for_each(|table| commanded(table, name))
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
    let mut touched: Vec<Touched> = touch(&Access::whole(table, command), || false)
        .into_iter()
        .collect();
    if command == Command::Insert {
        let parts = parts(table);
        let parts = parts.iter().map(|part| Access::part(*part, command, table));
        touched.extend(parts.filter_map(|part| touch(&part, || false)));
    }
    if touched.is_empty() {
        return Ok(());
    }
    begin(Pending {
        key: WHOLE,
        level: xact::nest_level(),
        statement_id: None,
        subject: trail::subject(),
        statement: None,
        command: Some(command),
        row_count: None,
        touched,
    })
}

/// What is recorded of an access, which the statement may have more than once; `None` where no audit policy asks for it.
fn touch(access: &Access, is_repeated: impl Fn() -> bool) -> Option<Touched> {
    let all = policies(access.relation);
    // What the relation is under that the query names is recorded with that.
    let named = access.part_of.map(policies);
    let is_told = |policy: &AuditPolicy| {
        named
            .iter()
            .flat_map(|named| named.iter())
            .any(|other| other.on == policy.on)
    };
    let (waiting, fired): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|policy| policy.asks_for(access, &is_repeated) && !is_told(policy))
        .map(Rc::clone)
        .partition(|policy| policy.waits(access));
    if waiting.is_empty() && fired.is_empty() {
        return None;
    }
    Some(Touched {
        relation: access.relation,
        name: relation::full_name(access.relation),
        command: access.command,
        predicates: predicates::applied(access.relation, access.command),
        fired,
        waiting,
    })
}

/// Notes a statement; under a strict policy it waits until that is durable.
fn begin(pending: Pending) -> Result<()> {
    // Whoever it is: at the end of a transaction that failed nobody can look.
    trail::know_client();
    let key = pending.key;
    let came = Came::under(&pending, |_| 0);
    let displaced = PENDING.with_borrow_mut(|all| {
        // One that stood at the same place never ended: an error left it.
        let place = all.iter().position(|known| known.key == key && key != WHOLE);
        let displaced = place.map(|place| all.remove(place));
        all.push(pending);
        displaced
    });
    if let Some(displaced) = displaced {
        displaced.record(Some(displaced.otherwise()));
    }
    came?.settle()
}

/// A row of an audit policy's condition came by, in the query that runs now.
pub fn met(on: Oid, name: &str) -> Result<()> {
    let came = PENDING.with_borrow_mut(|all| {
        let key = now::running()?;
        let pending = all.iter_mut().rfind(|known| known.key == key)?;
        let former: Vec<usize> = pending
            .touched
            .iter()
            .map(|touched| touched.fired.len())
            .collect();
        let mut is_new = false;
        for touched in &mut pending.touched {
            is_new |= touched.met(on, name);
        }
        is_new.then(|| Came::under(pending, |place| former[place]))
    });
    came.map_or(Ok(()), |came| came?.settle())
}

/// Whether an audit policy waits for a row in the query that runs now.
pub fn is_waiting(on: Oid, name: &str) -> bool {
    let Some(key) = now::running() else { return false };
    PENDING.with_borrow(|all| {
        let pending = all.iter().rfind(|known| known.key == key);
        let mut touched = pending.iter().flat_map(|pending| &pending.touched);
        touched.any(|touched| touched.waiting.iter().any(|policy| policy.is(on, name)))
    })
}

/// Audit policies that a statement came under.
struct Came {
    /// What was recorded before anything is read, for strict ones.
    last_intent: Option<u64>,
    policies: Vec<Rc<AuditPolicy>>,
}

impl Came {
    /// Those that were not among the first so many at each place. An error: there is no record of it, where there must be one.
    fn under(pending: &Pending, former: impl Fn(usize) -> usize) -> Result<Self> {
        let mut came = Self {
            last_intent: None,
            policies: Vec::new(),
        };
        for (place, touched) in pending.touched.iter().enumerate() {
            let former = former(place);
            if touched.fired.len() == former {
                continue;
            }
            if xact::is_standby() {
                on_standby(pending, touched)?;
                continue;
            }
            if let Some(intent) = pending.record_intent(touched, former) {
                came.last_intent = Some(intent.ok_or_else(Error::audit_unavailable)?);
            }
            came.policies
                .extend(touched.fired[former..].iter().map(Rc::clone));
        }
        Ok(came)
    }

    /// Waits until that is durable, and calls handlers: each once for the statement, whatever it does with the table.
    fn settle(self) -> Result<()> {
        if self.last_intent.is_some() {
            wait_for(self.last_intent)?;
        }
        for (place, policy) in self.policies.iter().enumerate() {
            let mut others = self.policies[..place].iter();
            if let Some(handler) = &policy.handler
                && !others.any(|other| other.is(policy.on, &policy.name))
            {
                handler.call(policy.on, [&policy.schema, &policy.table, &policy.name]);
            }
        }
        Ok(())
    }
}

/// Waits until a record is durable; an error where there was no room for it.
fn wait_for(record: Option<u64>) -> Result<()> {
    let number = record.ok_or_else(Error::audit_unavailable)?;
    ring::wake();
    scribe::wait_until_durable(number)
}

/// Nothing can be written here.
fn on_standby(pending: &Pending, touched: &Touched) -> Result<()> {
    if !guc::is_audited_on_standby() {
        return Err(Error::audit_unavailable());
    }
    let subject = pending.subject.as_ref();
    let line = json!({
        "event": "data",
        "user_name": subject.and_then(|subject| subject.user_name.as_deref()),
        "session_id": subject.and_then(|subject| subject.session_id.as_deref()),
        "relation": touched.name,
        "command": touched.command.name(),
        "predicates": touched.predicates.as_deref(),
    });
    report::log(format!("pg_vpd audit: {line}"));
    Ok(())
}

/// A query ran, as far as it was asked to.
pub fn ran(query: &Running) {
    let key = query.key();
    now::leave(key);
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
    now::savepoint_released(level);
    PENDING.with_borrow_mut(|all| {
        for pending in all.iter_mut().filter(|known| known.level >= level) {
            pending.level = level - 1;
        }
    });
}

/// A savepoint of this level was rolled back to: what ran in it ended.
pub fn savepoint_rolled_back(level: i32) {
    now::forget_from(level);
    end_from(level);
}

/// The transaction is over, and with it whatever still ran.
pub fn transaction_ended() {
    now::forget_from(0);
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
            pending.record(Some(verdict.as_deref().unwrap_or(pending.otherwise())));
        }
    }
}
