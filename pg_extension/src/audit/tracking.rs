//! What the trigger on a table with audit columns does.

use super::protected::{self, Key};
use super::pseudonym::Identification;
use crate::context;
use crate::error::{Error, Result};
use crate::sys::row_trigger::{Assigned, Event, Place, RowTrigger, TableRow};
use crate::sys::spi::{Statement, oid_arg};
use crate::sys::{Oid, clock, user};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

thread_local! {
    static TRACKING: Statement = const { Statement::new(include_str!("../../../sql/query/audit/tracking.sql")) };
    static RELATIONS: RefCell<HashMap<Oid, Rc<Tracking>>> = RefCell::new(HashMap::new());
    static MOVE: RefCell<Option<Move>> = const { RefCell::new(None) };
}

/// The audit columns of one table, by number.
pub struct Tracking {
    /// The table that was named in `vpd.track_changes`.
    pub root: Oid,
    pub identification: Identification,
    pub created_by: i16,
    created_at: i16,
    pub created_login: i16,
    pub updated_by: i16,
    updated_at: i16,
    pub updated_login: i16,
}

/// A row that is updated, as far as it may be on its way to another partition: the server then deletes it there and inserts it here. The triggers of
/// the two see no update, so what makes the three one is remembered. Nothing but such a move deletes a version of a row that was updated.
struct Move {
    relation: Oid,
    place: Place,
    root: Oid,
    is_deleted: bool,
    /// What the update put into the six columns, the moment among it, which nobody could foresee.
    columns: [Option<String>; 6],
    key: Option<Key>,
}

/// Fills the audit columns of a row that is about to be stored.
pub fn before_row(trigger: &mut RowTrigger) -> Result<()> {
    if is_loaded(trigger) {
        return Ok(());
    }
    let tracking = of_relation(trigger.relation)?.ok_or_else(|| {
        Error::not_ready(
            "the table's audit columns are not known",
            "Call vpd.track_changes for the table again, or drop the trigger.",
        )
    })?;
    match trigger.event {
        Event::Insert if arrives(trigger, &tracking)? => {
            let moved = MOVE.take().and_then(|moved| moved.key);
            if let (Some(key), Some(new)) = (moved, &trigger.new) {
                protected::row_moved(trigger.relation, key, new)?;
            }
        }
        Event::Insert => {
            let (by, login) = written(tracking.identification)?;
            let now = clock::now();
            trigger.assign(&[
                (tracking.created_by, Assigned::Text(&by)),
                (tracking.created_at, Assigned::Moment(now)),
                (tracking.created_login, Assigned::person(login.as_deref())),
                (tracking.updated_by, Assigned::Text(&by)),
                (tracking.updated_at, Assigned::Moment(now)),
                (tracking.updated_login, Assigned::person(login.as_deref())),
            ])?;
        }
        Event::Update => {
            let (by, login) = written(tracking.identification)?;
            trigger.assign(&[
                (tracking.created_by, Assigned::Former),
                (tracking.created_at, Assigned::Former),
                (tracking.created_login, Assigned::Former),
                (tracking.updated_by, Assigned::Text(&by)),
                (tracking.updated_at, Assigned::Moment(clock::now())),
                (tracking.updated_login, Assigned::person(login.as_deref())),
            ])?;
            remember(trigger, &tracking)?;
        }
        Event::Delete => MOVE.with_borrow_mut(|moved| {
            let place = trigger.old.as_ref().map(|old| old.place());
            *moved = moved
                .take()
                .filter(|moved| moved.relation == trigger.relation && Some(moved.place) == place)
                .map(|moved| Move {
                    is_deleted: true,
                    ..moved
                });
        }),
    }
    Ok(())
}

/// True for a row of a dump: it has the author it had. The catalogue may not be there yet.
pub fn is_loaded(trigger: &RowTrigger) -> bool {
    trigger.event == Event::Insert && context::identity().is_none() && user::is_loading_dump()
}

/// The audit columns of a table or of what it is a part of; `None` when it has none.
pub fn of_relation(relation: Oid) -> Result<Option<Rc<Tracking>>> {
    if let Some(known) = RELATIONS.with_borrow(|relations| relations.get(&relation).cloned()) {
        return Ok(Some(known));
    }
    let rows = TRACKING.with(|statement| {
        statement.query(&[oid_arg(relation)], |row| {
            Some((
                row.get::<Oid>(1)?,
                row.get::<String>(2)?,
                row.get::<String>(3)?,
                row.get::<i16>(4)?,
            ))
        })
    });
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    let Some((root, identification, ..)) = rows.first() else {
        return Ok(None);
    };
    let column = |purpose: &str| {
        rows.iter()
            .find(|(.., known, _)| known == purpose)
            .map(|(.., number)| *number)
            .ok_or_else(|| {
                Error::not_ready(
                    format!("the audit column {purpose} of the table is gone"),
                    "Call vpd.track_changes for the table again.",
                )
            })
    };
    let tracking = Rc::new(Tracking {
        root: *root,
        identification: Identification::parse(identification)?,
        created_by: column("created_by")?,
        created_at: column("created_at")?,
        created_login: column("created_login")?,
        updated_by: column("updated_by")?,
        updated_at: column("updated_at")?,
        updated_login: column("updated_login")?,
    });
    RELATIONS.with_borrow_mut(|relations| relations.insert(relation, Rc::clone(&tracking)));
    Ok(Some(tracking))
}

/// Forgets one table, or all: whatever changes in a family may change what its members know.
pub fn forget_relation(_relation: Option<Oid>) {
    if let Ok(mut relations) = RELATIONS.try_with(RefCell::take) {
        relations.clear();
    }
}

/// No row is on its way any more.
pub fn transaction_ended() {
    MOVE.take();
}

impl Tracking {
    /// All of them.
    pub fn columns(&self) -> [i16; 6] {
        [
            self.created_by,
            self.created_at,
            self.created_login,
            self.updated_by,
            self.updated_at,
            self.updated_login,
        ]
    }

    /// What a row has in them.
    fn written_in(&self, row: &TableRow) -> Result<[Option<String>; 6]> {
        let mut written = [const { None }; 6];
        for (text, column) in written.iter_mut().zip(self.columns()) {
            *text = row.audit_text(column)?;
        }
        Ok(written)
    }
}

fn remember(trigger: &RowTrigger, tracking: &Tracking) -> Result<()> {
    let (Some(old), Some(new)) = (&trigger.old, &trigger.new) else {
        return Ok(());
    };
    // Only a row of a partition can go to another.
    if trigger.relation == tracking.root {
        return Ok(());
    }
    let moved = Move {
        relation: trigger.relation,
        place: old.place(),
        root: tracking.root,
        is_deleted: false,
        columns: tracking.written_in(new)?,
        key: protected::key_of(trigger.relation, old)?,
    };
    MOVE.replace(Some(moved));
    Ok(())
}

/// True when the inserted row is one that is on its way from another partition.
fn arrives(trigger: &RowTrigger, tracking: &Tracking) -> Result<bool> {
    MOVE.with_borrow(|moved| {
        let Some((moved, new)) = moved.as_ref().zip(trigger.new.as_ref()) else {
            return Ok(false);
        };
        Ok(moved.is_deleted && moved.root == tracking.root && tracking.written_in(new)? == moved.columns)
    })
}

/// What stands for the session: in whose name, and who really acts. Where nobody is authenticated nobody is known to act, however the role is called.
fn written(identification: Identification) -> Result<(String, Option<String>)> {
    let Some(attached) = context::identity() else {
        return Ok((user::session_name(), None));
    };
    if !attached.is_authenticated {
        return Ok((attached.audit_identity.clone(), None));
    }
    let identity = context::require_authenticated()?;
    Ok((
        identification.written(&identity.audit_identity)?,
        Some(identification.written(identity.login())?),
    ))
}
