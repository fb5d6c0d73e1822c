//! The triggers of the library on a table, its partitions and children.

use crate::sys::spi::{Statement, arg, null_oid_arg, oid_arg, run_command};
use crate::sys::{Oid, relation};

thread_local! {
    static MISSING_TRIGGERS: Statement = const { Statement::new(include_str!("../../../sql/query/audit/missing_triggers.sql")) };
    static OWN_TRIGGERS: Statement = const { Statement::new(include_str!("../../../sql/query/audit/own_triggers.sql")) };
    static FAMILY: Statement = const { Statement::new(include_str!("../../../sql/query/policy/family.sql")) };
}

/// Puts the triggers on the tables that want them and do not have them: one table, or all.
pub fn put_triggers(table: Option<Oid>) {
    let table = table.map_or_else(null_oid_arg, oid_arg);
    let commands = MISSING_TRIGGERS.with(|statement| statement.query(&[table], |row| row.get::<String>(1)));
    commands
        .into_iter()
        .flatten()
        .for_each(|command| run_command(&command));
}

/// Takes one of the triggers from a table and its children.
pub fn take_triggers(table: Oid, is_tracking: bool) {
    let commands = OWN_TRIGGERS
        .with(|statement| statement.query(&[oid_arg(table), arg(is_tracking)], |row| row.get::<String>(1)));
    commands
        .into_iter()
        .flatten()
        .for_each(|command| run_command(&command));
}

/// Makes every backend forget what it knows of the triggers of a table and its family.
pub fn announce(table: Oid) {
    let members = FAMILY.with(|statement| statement.query(&[oid_arg(table)], |row| row.get::<Oid>(1)));
    members.into_iter().flatten().for_each(relation::announce_change);
}
