//! Partitions and children that leave a family of tables, and tables that join one.
//!
//! A partition has its triggers from its parent, and loses them with it. Invariant: rows whose audit columns were kept go on having them kept, in the
//! family or out of it; rows whose columns were not join none, unless whoever brings them might have said so by `vpd.track_changes`.

use super::family::{announce, put_triggers};
use crate::authz::change;
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, oid_arg, run_command};
use crate::sys::{Oid, relation, user};
use serde_json::json;

thread_local! {
    static DETACHED: Statement = const { Statement::scanning(include_str!("../../../sql/query/audit/detached.sql")) };
    static CARRY_TRACKING: Statement = const { Statement::new(include_str!("../../../sql/query/audit/carry_tracking.sql")) };
    static CARRY_ACTIONS: Statement = const { Statement::new(include_str!("../../../sql/query/audit/carry_actions.sql")) };
    static ARRIVED: Statement = const { Statement::scanning(include_str!("../../../sql/query/audit/arrived.sql")) };
    static JOIN: Statement = const { Statement::new(include_str!("../../../sql/query/audit/join_family.sql")) };
    static DOUBLE_TRIGGERS: Statement = const { Statement::new(include_str!("../../../sql/query/audit/double_triggers.sql")) };
    static NOTE: Statement = const { Statement::scanning(include_str!("../../../sql/query/audit/note_members.sql")) };
    static MAY_TRACK: Statement = const { Statement::new(include_str!("../../../sql/query/audit/may_track.sql")) };
}

/// A table that joins a family.
struct Arrival {
    table: Oid,
    root: Oid,
    /// Whether its own audit columns were kept as those of the family are.
    is_kept_alike: bool,
    may_have_rows: bool,
    /// Whether the command that runs made it join; otherwise it came while nobody looked.
    is_new: bool,
    name: String,
}

/// After tables were created, changed or dropped, in the event trigger: a command that brings rows which nobody vouches for is refused.
pub fn follow() {
    for (table, root) in detached() {
        go_alone(table, root);
    }
    for arrival in arrived() {
        join(&arrival).unwrap_or_else(|error| error.raise());
    }
    note();
}

/// Writes down who belongs to whom.
pub fn note() {
    NOTE.with(|statement| statement.execute(&[]));
}

fn detached() -> Vec<(Oid, Oid)> {
    let rows = DETACHED.with(|statement| statement.query(&[], |row| Some((row.get(1)?, row.get(2)?))));
    rows.into_iter().flatten().collect()
}

fn arrived() -> Vec<Arrival> {
    let rows = ARRIVED.with(|statement| {
        statement.query(&[], |row| {
            Some(Arrival {
                table: row.get(1)?,
                root: row.get(2)?,
                is_kept_alike: row.get(3)?,
                may_have_rows: row.get(4)?,
                is_new: row.get(5)?,
                name: row.get(6)?,
            })
        })
    });
    rows.into_iter().flatten().collect()
}

/// What was a part is a table of its own, with the definitions it had.
fn go_alone(table: Oid, root: Oid) {
    let arguments = || [oid_arg(table), oid_arg(root)];
    CARRY_TRACKING.with(|statement| statement.execute(&arguments()));
    CARRY_ACTIONS.with(|statement| statement.execute(&arguments()));
    put_triggers(Some(table));
    announce(table);
    change::record(
        "track",
        &format!("table:{}", relation::name(table)),
        json!({ "detached_from": relation::name(root) }),
    );
}

fn join(arrival: &Arrival) -> Result<()> {
    if arrival.may_have_rows && !arrival.is_kept_alike && !may_track() {
        let error = Error::rows_untracked(&arrival.name);
        if arrival.is_new {
            return Err(error);
        }
        // Whoever made it join is gone, and the command that runs has nothing to do with it.
        error.warn();
    }
    JOIN.with(|statement| statement.execute(&[oid_arg(arrival.table)]));
    let commands = DOUBLE_TRIGGERS
        .with(|statement| statement.query(&[oid_arg(arrival.table)], |row| row.get::<String>(1)));
    commands
        .into_iter()
        .flatten()
        .for_each(|command| run_command(&command));
    announce(arrival.root);
    Ok(())
}

/// True for whoever could have the columns kept, and so can say that they are right.
fn may_track() -> bool {
    MAY_TRACK
        .with(|statement| statement.query_one(&[oid_arg(user::current())], |row| row.get::<bool>(1)))
        .flatten()
        .unwrap_or(false)
}
