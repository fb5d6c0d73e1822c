//! What row security does not reach: commands that show or change stored rows without asking a policy.
//!
//! What it is not: it looks at no statement; the utility hook does and asks here.
//! Invariant: a role that policies apply to is refused; whoever they do not apply to is warned when the door stays open for others.

use super::{catalogue, mask};
use crate::audit;
use crate::error::{Error, Result};
use crate::sys::spi::{Statement, arg, null_oid_arg, oid_arg, run_command};
use crate::sys::{Oid, extension, user};

mod joined;
mod stored_code;

pub use stored_code::{check_column, check_partition_key, warn_of_stored_code};

thread_local! {
    static READER: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/reader.sql")) };
    static READERS: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/readers.sql")) };
    static PUBLICATION: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/publication.sql")) };
    static DEFENCES: Statement = const { Statement::new(include_str!("../../../sql/query/reach/defences.sql")) };
    static GUARD: Statement = const { Statement::new(include_str!("../../../sql/query/reach/guard.sql")) };
    static TRIGGER: Statement = const { Statement::new(include_str!("../../../sql/query/reach/trigger.sql")) };
    static OWN_TRIGGER: Statement = const { Statement::new(include_str!("../../../sql/query/reach/own_trigger.sql")) };
    static FORCED: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/forced.sql")) };
    static STORED_BY: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/stored_by.sql")) };
    static TYPE: Statement = const { Statement::scanning(include_str!("../../../sql/query/reach/type.sql")) };
}

/// An expression that is evaluated over stored rows sees hidden ones: its function is handed their values, and whether it fails,
/// or how large an index becomes, tells of them.
pub fn refuse_expression(what: &str) -> Error {
    Error::expression_refused(what)
}

/// The actions of a foreign key change and remove rows past their policies.
pub fn refuse_foreign_key() -> Error {
    Error::privilege_missing(
        "a foreign key of a table under policy is not allowed",
        "Ask a superuser or a role with BYPASSRLS to add it: its actions change and remove hidden rows.",
    )
}

/// A trigger is handed the rows that others write.
pub fn refuse_trigger() -> Error {
    Error::privilege_missing(
        "a trigger on a table under policy may be created by its owner only",
        "Ask the owner of the table: a trigger is handed the rows that others write.",
    )
}

/// PostgreSQL evaluates its own restrictive policies before those of the library, so their functions would be handed hidden rows.
pub fn refuse_native_policy() -> Error {
    Error::privilege_missing(
        "PostgreSQL's own policies on a table under policy may not be changed",
        "Use vpd.add_policy, or ask a superuser or a role with BYPASSRLS.",
    )
}

/// Statistics and TOAST tables hold values of other tables and have no policies: whoever policies apply to does not read them himself. `reader` is
/// the role that privileges were checked of, when it is not the current one.
pub fn refuse_reading_store(store: Oid, reader: Option<Oid>) -> Result<()> {
    if user::is_above_policies(reader) || !extension::is_installed() {
        return Ok(());
    }
    let table = STORED_BY
        .with(|statement| {
            statement.query_one(&[oid_arg(store)], |row| {
                Some((row.get::<Oid>(1)?, row.get::<bool>(2)?))
            })
        })
        .flatten();
    match table {
        Some((table, is_private))
            if !is_private && (!super::is_protected(table) || super::exemption::is_exempt(table)) =>
        {
            Ok(())
        }
        _ => Err(Error::privilege_missing(
            "stored values of tables under policy may not be read past their policies",
            "Read the table itself, or the view pg_stats.",
        )),
    }
}

/// Looks at a view, a materialized view, or a table with rules that was just made or changed.
pub fn check_reader(relation: Oid) -> Result<()> {
    let facts = READER.with(|statement| {
        statement.query_one(&[oid_arg(relation)], |row| {
            (
                row.required::<bool>(1),
                row.required::<String>(2),
                row.required::<bool>(3),
            )
        })
    });
    let Some((is_stored, name, is_open)) = facts else {
        return Ok(());
    };
    if is_stored && !user::bypasses_policies() {
        return Err(refuse_stored());
    }
    if is_stored || is_open {
        Error::policy_bypassed(
            format!("\"{name}\" shows rows of a table under policy to everybody who may read it"),
            if is_stored {
                "Grant the materialized view to nobody whom the policies are meant for."
            } else {
                "Create the view WITH (security_invoker), or give it to an owner that policies apply to."
            },
        )
        .warn();
    }
    Ok(())
}

/// Looks at everything with a rule that a role owns, after it was given what others owned.
pub fn check_readers_of(role: Oid) -> Result<()> {
    let readers = READERS.with(|statement| statement.query(&[oid_arg(role)], |row| row.get::<Oid>(1)));
    readers.into_iter().flatten().try_for_each(check_reader)
}

fn refuse_stored() -> Error {
    Error::privilege_missing(
        "a materialized view over a table under policy is not allowed",
        "Use a view; the stored rows of one session would be shown to others without asking a policy.",
    )
}

/// Looks at a publication that was just made or got more tables.
pub fn check_publication(name: &str) -> Result<()> {
    let count = PUBLICATION
        .with(|statement| statement.query_one(&[arg(name)], |row| row.required::<i64>(1)))
        .unwrap_or(0);
    if count == 0 {
        return Ok(());
    }
    if !user::bypasses_policies() {
        return Err(Error::privilege_missing(
            "a publication of a table under policy is not allowed",
            "Ask a superuser or a role with BYPASSRLS: subscribers get every row.",
        ));
    }
    Error::policy_bypassed(
        format!("the publication \"{name}\" sends every row of {count} tables under policy"),
        "Protect the tables on the subscriber as well, and let nobody else subscribe.",
    )
    .warn();
    Ok(())
}

/// An error when stored values of a type would be put through an expression.
pub fn check_type(oid: Oid) -> Result<()> {
    if stores_type(oid).0 && !user::bypasses_policies() {
        return Err(refuse_expression("a change of this type"));
    }
    Ok(())
}

/// An error when names inside a type that is stored, or casts of it, would be changed: predicates and protected actions look at them by name.
pub fn check_names_of_type(oid: Oid) -> Result<()> {
    let (is_under_policy, is_protected) = stores_type(oid);
    if (is_under_policy || is_protected) && !user::bypasses_policies() {
        return Err(Error::privilege_missing(
            "names inside a type that a table under policy stores, and its casts, are not changed by roles under policy",
            "Ask a superuser or a role with BYPASSRLS: policies look at them by name.",
        ));
    }
    Ok(())
}

/// Whether a table under policy stores values of a type, and whether one with protected actions does.
fn stores_type(oid: Oid) -> (bool, bool) {
    TYPE.with(|statement| {
        statement.query_one(&[oid_arg(oid)], |row| {
            (row.required::<bool>(1), row.required::<bool>(2))
        })
    })
    .unwrap_or((true, true))
}

/// Looks at what became a partition or child: it is protected as its parent is, or refused, and gets its parent's triggers.
pub fn follow_joined(members: &[Oid]) -> Result<()> {
    let brought = joined::look(members)?;
    stored_code::check_joined(members)?;
    catalogue::protect_joined(members)?;
    mask::check_joined(members)?;
    joined::check_shown(&brought)?;
    if !user::is_loading_dump() {
        audit::put_triggers(None);
    }
    Ok(())
}

/// Enables row security where it is forced: on a table, or on all. Forced and not enabled is what a dump makes of a table that was under
/// policy, until after its rows.
pub fn close_forced(relation: Option<Oid>) {
    let relation = relation.map_or_else(null_oid_arg, oid_arg);
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

/// The triggers of the library hold for the owner of the table too.
pub fn refuse_trigger_change() -> Error {
    Error::privilege_missing(
        "a trigger of pg_vpd may not be changed, switched off or dropped",
        "Use vpd.untrack_changes or vpd.unprotect_action, or ask a superuser or a role with BYPASSRLS.",
    )
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
