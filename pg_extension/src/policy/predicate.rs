//! The predicate of one policy in this backend: its text, when the text is computed again, its compiled form.

use super::kind::Kind;
use super::statistics;
use crate::context::{self, Standing};
use crate::error::{Error, Result};
use crate::guc::{self, NullPredicate};
use crate::recent::Recent;
use crate::sys::Oid;
use crate::sys::function::call_policy_function;
use crate::sys::marker::Marker;
use crate::sys::predicate::{Compiled, compile};
use crate::sys::{spi, xact};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Texts kept for as many sessions as a pooled connection is likely to alternate between.
const SESSIONS_KEPT: usize = 16;
/// Texts kept of functions that several tables share.
const SHARED_KEPT: usize = 64;

/// What a text depends on: what the answers of readers rest on, and the values of associated attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Key {
    standing: Standing,
    values: Vec<Option<String>>,
}

thread_local! {
    /// What plans with context-sensitive predicates were made for; `None` when there is no such valid plan.
    static PLANNED_FOR: Cell<Option<Standing>> = const { Cell::new(None) };
    /// Whether this backend ever made a plan with a dynamic predicate.
    static HAS_DYNAMIC_PLAN: Cell<bool> = const { Cell::new(false) };
    /// Texts of shared kinds, by function: every table whose policy has that function uses them.
    static SHARED: RefCell<Recent<(Oid, Key, String)>> = const { RefCell::new(Recent::of(SHARED_KEPT)) };
    /// Policies whose function is running, to notice a circle.
    static RUNNING: RefCell<Vec<(Oid, String)>> = const { RefCell::new(Vec::new()) };
}

/// The table that a predicate is for.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    pub oid: Oid,
    pub schema: &'a str,
    pub name: &'a str,
}

enum Source {
    Template(String),
    Function {
        kind: Kind,
        /// Whether tables with the same function share its text.
        is_shared: bool,
        oid: Option<Oid>,
        /// Attributes, as `namespace.attribute`, on which alone the text depends; none: on the whole context.
        associations: Vec<String>,
    },
}

/// A predicate.
pub struct Predicate {
    source: Source,
    /// Compiled forms by what their text depends on.
    compiled: RefCell<Recent<(Key, Rc<Compiled>)>>,
}

impl Predicate {
    /// A fixed text.
    pub fn template(text: String) -> Self {
        Self {
            source: Source::Template(text),
            compiled: RefCell::new(Recent::of(SESSIONS_KEPT)),
        }
    }

    /// Text computed by a function; `None` when the function no longer exists.
    pub fn function(kind: Kind, is_shared: bool, oid: Option<Oid>, associations: Vec<String>) -> Self {
        Self {
            source: Source::Function {
                kind,
                is_shared,
                oid,
                associations,
            },
            compiled: RefCell::new(Recent::of(SESSIONS_KEPT)),
        }
    }

    /// The compiled predicate that holds now. The relation must be locked.
    pub fn compiled(&self, table: Table<'_>, policy: &str) -> Result<Rc<Compiled>> {
        let key = self.key();
        self.note_plan();
        let is_kept = !matches!(
            self.source,
            Source::Function {
                kind: Kind::Dynamic,
                ..
            }
        );
        let known = is_kept.then(|| {
            let mut compiled = self.compiled.borrow_mut();
            compiled
                .find(|(known, _)| *known == key)
                .map(|(_, known)| Rc::clone(known))
        });
        if let Some(known) = known.flatten() {
            if matches!(self.source, Source::Function { .. }) {
                statistics::hit(table.oid, policy);
            }
            return Ok(known);
        }
        let (text, is_passing) = self.computed(table, policy)?;
        let marker = self
            .marker()
            .map(|marker| if is_passing { Marker::Statement } else { marker });
        if marker == Some(Marker::Statement) {
            HAS_DYNAMIC_PLAN.set(true);
        }
        let broken = |message: &str| {
            pgrx::log!(
                "pg_vpd: policy \"{policy}\" on {}.{}: {message}",
                table.schema,
                table.name
            );
            statistics::broken(table.oid, policy);
            Error::predicate_broken(policy)
        };
        let compiled = xact::translated(
            || compile(table.oid, &text, marker),
            |failure| broken(&failure.message),
        )
        .map_err(|error| broken(&error.to_string()))?;
        let compiled = Rc::new(compiled);
        if is_kept && !is_passing {
            self.compiled.borrow_mut().keep((key, Rc::clone(&compiled)));
        }
        Ok(compiled)
    }

    /// The text that holds now.
    pub fn text(&self, table: Table<'_>, policy: &str) -> Result<String> {
        Ok(self.computed(table, policy)?.0)
    }

    /// The same, but `None` for a text that is computed anew for each statement: it would be another one.
    pub fn kept_text(&self, table: Table<'_>, policy: &str) -> Result<Option<String>> {
        let is_dynamic = matches!(
            self.source,
            Source::Function {
                kind: Kind::Dynamic,
                ..
            }
        );
        if is_dynamic {
            return Ok(None);
        }
        self.text(table, policy).map(Some)
    }

    /// The text that holds now, and whether it is good for one statement only: its function follows the session, and asked something whose changes
    /// nobody announces.
    fn computed(&self, table: Table<'_>, policy: &str) -> Result<(String, bool)> {
        let (is_shared, oid, kind) = match &self.source {
            Source::Template(text) => return Ok((text.clone(), false)),
            Source::Function {
                is_shared, oid, kind, ..
            } => (*is_shared, *oid, *kind),
        };
        let oid = oid.ok_or_else(|| Error::policy_function_gone(policy))?;
        let key = self.key();
        if is_shared && let Some(text) = shared_text(oid, &key) {
            statistics::hit(table.oid, policy);
            return Ok((text, false));
        }
        let _running = Running::enter(table.oid, policy)?;
        // Asked here, so that a session that is over is reported as such and not as a failure of the function.
        context::require_live()?;
        let looks = spi::looks();
        let text = statistics::timed(table.oid, policy, || {
            call_policy_function(policy, oid, table.schema, table.name)
        })?;
        let is_passing = kind == Kind::ContextSensitive && spi::looks() != looks;
        let text = not_empty(text);
        if is_shared && !is_passing {
            share_text(oid, key, &text);
        }
        Ok((text, is_passing))
    }

    fn marker(&self) -> Option<Marker> {
        match self.source {
            Source::Template(_) => None,
            Source::Function {
                kind: Kind::Dynamic, ..
            } => Some(Marker::Statement),
            Source::Function { .. } => Some(Marker::Context),
        }
    }

    /// What the text depends on, as it stands now.
    fn key(&self) -> Key {
        match &self.source {
            Source::Function {
                kind: Kind::ContextSensitive,
                associations,
                ..
            } if associations.is_empty() => Key {
                standing: context::standing(),
                values: Vec::new(),
            },
            Source::Function {
                kind: Kind::ContextSensitive,
                associations,
                ..
            } => Key {
                standing: Standing::NONE,
                values: associations
                    .iter()
                    .map(|association| {
                        let (namespace, attribute) = association.split_once('.')?;
                        context::attribute(namespace, attribute)
                    })
                    .collect(),
            },
            _ => Key::default(),
        }
    }

    /// Notes that a plan is being made with this predicate.
    fn note_plan(&self) {
        match self.source {
            Source::Function {
                kind: Kind::ContextSensitive,
                ..
            } => note_context_plan(),
            Source::Function {
                kind: Kind::Dynamic, ..
            } => HAS_DYNAMIC_PLAN.set(true),
            _ => (),
        }
    }
}

/// What a policy function returned, or what returning nothing means.
pub fn not_empty(text: Option<String>) -> String {
    match text {
        Some(text) if !text.trim().is_empty() => text,
        _ if guc::null_predicate() == NullPredicate::AllRows => "true".to_owned(),
        _ => "false".to_owned(),
    }
}

/// Notes that a plan is being made that holds for the attached session only.
pub fn note_context_plan() {
    PLANNED_FOR.set(Some(context::standing()));
}

/// Forgets the texts that tables share, because a policy or a function changed.
pub fn forget_shared() {
    SHARED.with_borrow_mut(Recent::clear);
}

fn shared_text(function: Oid, key: &Key) -> Option<String> {
    SHARED.with_borrow_mut(|shared| {
        shared
            .find(|(oid, known, _)| *oid == function && known == key)
            .map(|(_, _, text)| text.clone())
    })
}

fn share_text(function: Oid, key: Key, text: &str) {
    SHARED.with_borrow_mut(|shared| shared.keep((function, key, text.to_owned())));
}

/// A session was attached, came back with a savepoint, or changed. Plans made for something else are made again; tells whether there were any.
/// Nothing needs to happen when none is attached any more: context-sensitive plans show no row without a session.
pub fn session_changed(standing: Standing) -> bool {
    let is_outdated = PLANNED_FOR.get().is_some_and(|planned| planned != standing);
    if is_outdated {
        PLANNED_FOR.set(None);
        Marker::Context.invalidate();
    }
    is_outdated
}

/// See `policy::plans_mixed`.
pub fn plans_mixed() {
    PLANNED_FOR.set(None);
    Marker::Context.invalidate();
}

/// A statement begins with the plan it has, or a transaction ends: whichever runs next is planned again if it has a dynamic
/// predicate.
pub fn statement_started() {
    if HAS_DYNAMIC_PLAN.get() {
        Marker::Statement.invalidate();
    }
}

struct Running;

impl Running {
    fn enter(relation: Oid, policy: &str) -> Result<Self> {
        RUNNING.with_borrow_mut(|running| {
            if running
                .iter()
                .any(|(oid, name)| *oid == relation && name == policy)
            {
                return Err(Error::policy_recursive(policy));
            }
            running.push((relation, policy.to_owned()));
            Ok(Self)
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.pop());
    }
}
