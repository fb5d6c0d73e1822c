//! What closes a table under policy: row security, the guard, the triggers of the library.

use crate::error::Error;
use crate::sys::Oid;
use crate::sys::spi::{Arg, Statement, arg, null_oid_arg, oid_arg, run_command};

thread_local! {
    static FORCED: Statement = const { Statement::scanning(include_str!("../../../../sql/query/reach/forced.sql")) };
    static GUARD: Statement = const { Statement::new(include_str!("../../../../sql/query/reach/guard.sql")) };
    static TRIGGER: Statement = const { Statement::new(include_str!("../../../../sql/query/reach/trigger.sql")) };
    static OWN_TRIGGER: Statement = const { Statement::new(include_str!("../../../../sql/query/reach/own_trigger.sql")) };
    static DEFENCES: Statement = const { Statement::new(include_str!("../../../../sql/query/reach/defences.sql")) };
}

/// Enables row security of a table where it is forced. Forced and not enabled is what a dump makes of a table that was under
/// policy, until after its rows.
pub fn close_forced(relation: Oid) {
    close(oid_arg(relation));
}

/// The same on every table.
pub fn close_all_forced() {
    close(null_oid_arg());
}

fn close(relation: Arg) {
    let commands = FORCED.with(|statement| {
        statement.query(&[relation], |row| {
            Some((row.get::<String>(1)?, row.get::<String>(2)?))
        })
    });
    for (command, name) in commands.into_iter().flatten() {
        run_command(&command);
        pgrx::notice!("row security of {name} is enabled as well");
    }
}

/// True when a table has the guard as the library makes it.
pub fn has_guard(relation: Oid) -> bool {
    GUARD
        .with(|statement| statement.query_one(&[oid_arg(relation)], |_| ()))
        .is_some()
}

/// True when a table has a trigger of the library.
pub fn has_trigger(relation: Oid, name: &str) -> bool {
    TRIGGER
        .with(|statement| statement.query_one(&[oid_arg(relation), arg(name)], |_| ()))
        .is_some()
}

/// True for a trigger of the library.
pub fn is_own_trigger(trigger: Oid) -> bool {
    OWN_TRIGGER
        .with(|statement| statement.query_one(&[oid_arg(trigger)], |_| ()))
        .is_some()
}

/// Tells what a table under policy lacks, after a command that may have taken it away.
pub fn warn_of_missing_defences(relation: Oid) {
    let Some((name, is_enabled, is_forced, has_guard)) = defences(relation) else {
        return;
    };
    let warn = |message: String, hint: String| Error::policy_bypassed(message, hint).warn();
    if !is_enabled {
        warn(
            format!("no policy applies to {name} any more: whoever may read it sees every row"),
            format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY closes it again."),
        );
    } else if !is_forced {
        warn(
            format!(
                "no policy of {name} applies to its owner any more, nor to the owner's views and functions"
            ),
            format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY closes it again."),
        );
    }
    if !has_guard {
        warn(
            format!(
                "{name} has lost its guard: where the library is missing, PostgreSQL's own policies would open it"
            ),
            "See vpd.posture() for the statement that puts it back; until then the table shows nothing."
                .to_owned(),
        );
    }
}

/// Tells that a policy of PostgreSQL's own was made, changed or dropped on a table under policy.
pub fn warn_of_native_policy(relation: Oid) {
    if let Some((name, ..)) = defences(relation) {
        Error::policy_bypassed(
            format!("PostgreSQL's own policies count on {name}, a table under policy, and were changed"),
            "They decide with the policies of vpd which rows are shown; use vpd.add_policy and vpd.drop_policy instead.",
        )
        .warn();
    }
}

fn defences(relation: Oid) -> Option<(String, bool, bool, bool)> {
    DEFENCES.with(|statement| {
        statement.query_one(&[oid_arg(relation)], |row| {
            (
                row.get::<String>(1).unwrap_or_default(),
                row.get::<bool>(2).unwrap_or(false),
                row.get::<bool>(3).unwrap_or(false),
                row.get::<bool>(4).unwrap_or(false),
            )
        })
    })
}
