//! Statements that were started and have not ended, with what is recorded of them.

use super::known::AuditPolicy;
use crate::sys::Oid;
use crate::sys::restriction::Command;
use crate::trail::{self, Event, Subject, Whose};
use serde_json::{Value, json};
use std::rc::Rc;

/// Bytes of names of audit policies in a record. Escaped they take more, and fit all the same.
const MAX_NAMES: usize = 4 * 1024;

/// A statement.
pub struct Pending {
    /// Tells the queries of a transaction apart.
    pub key: usize,
    /// Nesting depth of the transaction where it began.
    pub level: i32,
    pub statement_id: Option<i64>,
    /// Whose session was attached when it began: the statement may attach another.
    pub subject: Option<Rc<Subject>>,
    /// The statement without its constants, where somebody asks for it.
    pub statement: Option<String>,
    /// What it does as a whole.
    pub command: Option<Command>,
    /// Rows that came out whenever it ran.
    pub row_count: Option<i64>,
    pub touched: Vec<Touched>,
}

/// A table that it reads or writes.
pub struct Touched {
    pub relation: Oid,
    pub name: String,
    pub command: Command,
    pub predicates: Option<Rc<str>>,
    /// Audit policies that it came under.
    pub fired: Vec<Rc<AuditPolicy>>,
    /// Those that wait for a row of their condition.
    pub waiting: Vec<Rc<AuditPolicy>>,
}

impl Pending {
    /// Records that it is about to, where a strict audit policy is new, behind the first so many, and none was among these. The number of the record: `None` inside where
    /// there was no room.
    pub fn record_intent(&self, touched: &Touched, former: usize) -> Option<Option<u64>> {
        let is_strict = |policy: &Rc<AuditPolicy>| policy.is_strict;
        let (told, new) = touched.fired.split_at(former);
        let is_due = new.iter().any(is_strict) && !told.iter().any(is_strict);
        is_due.then(|| {
            let details = touched.details();
            trail::record(&self.event("data.begin", touched, &details))
        })
    }

    /// Records how it ended.
    pub fn record(&self, verdict: Option<&str>) {
        for touched in self.touched.iter().filter(|touched| !touched.fired.is_empty()) {
            let details = touched.details();
            let event = self.event("data", touched, &details);
            trail::record(&Event {
                verdict,
                is_change: event.is_change && verdict.is_none(),
                ..event
            });
        }
    }

    /// How it ended where no error was reported: as a cursor that was left open, or by an error that somebody caught before the first row.
    pub fn otherwise(&self) -> &'static str {
        if self.row_count.is_some() {
            "closed"
        } else {
            "failed"
        }
    }

    fn event<'a>(&'a self, name: &'a str, touched: &'a Touched, details: &'a Value) -> Event<'a> {
        let tells_statement = touched.fired.iter().any(|policy| policy.tells_statement);
        Event {
            name,
            whose: Whose::Of(self.subject.as_deref()),
            relation: Some(&touched.name),
            command: Some(touched.command.name()),
            statement_id: self.statement_id,
            statement: self.statement.as_deref().filter(|_| tells_statement),
            row_count: self.row_count.filter(|_| self.command == Some(touched.command)),
            predicates: touched.predicates.as_deref(),
            details: Some(details),
            is_change: touched.command != Command::Select,
            ..Event::default()
        }
    }
}

impl Touched {
    /// All audit policies that ask for it.
    pub fn policies(&self) -> impl Iterator<Item = &Rc<AuditPolicy>> {
        self.fired.iter().chain(&self.waiting)
    }

    fn details(&self) -> Value {
        let mut room = MAX_NAMES;
        let names = self.fired.iter().map(|policy| &*policy.name);
        let named: Vec<&str> = names
            .take_while(|name| {
                room = room.saturating_sub(name.len() + 4);
                room > 0
            })
            .collect();
        match self.fired.len() - named.len() {
            0 => json!({ "policies": named }),
            more => json!({ "policies": named, "more": more }),
        }
    }

    /// A row of this audit policy's condition came by; false where none waits for it.
    pub fn met(&mut self, on: Oid, name: &str) -> bool {
        let place = self.waiting.iter().position(|policy| policy.is(on, name));
        place.is_some_and(|place| {
            let policy = self.waiting.swap_remove(place);
            self.fired.push(policy);
            true
        })
    }

    /// Takes over what another place in the query asks for.
    pub fn join(&mut self, other: Self) {
        for policy in other.fired {
            if !self.fired.iter().any(|known| known.is(policy.on, &policy.name)) {
                self.fired.push(policy);
            }
        }
        for policy in other.waiting {
            if !self.policies().any(|known| known.is(policy.on, &policy.name)) {
                self.waiting.push(policy);
            }
        }
    }
}
