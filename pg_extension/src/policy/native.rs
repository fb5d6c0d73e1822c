//! PostgreSQL's own policies on a protected table, for people who ask what keeps rows from them. The server applies them beside ours;
//! nothing is decided here, and their conditions, which owners of tables write, are never evaluated here.

use crate::sys::restriction::Command;
use crate::sys::spi::{Statement, arg, oid_arg};
use crate::sys::{Oid, user};

thread_local! {
    static POLICIES: Statement = const { Statement::new(include_str!("../../../sql/query/policy/native.sql")) };
}

/// A policy of PostgreSQL's own.
pub struct Native {
    pub name: String,
    pub is_permissive: bool,
    /// What it asks of rows that exist, or of new ones for INSERT; `None`: it has nothing to say of them.
    pub condition: Option<String>,
    is_for_role: bool,
    is_for_command: bool,
}

impl Native {
    /// What stands in the place of a policy group: how it is joined with the others.
    pub fn kind(&self) -> &'static str {
        if self.is_permissive {
            "native permissive"
        } else {
            "native restrictive"
        }
    }
}

/// Those on a table, as a command of the current role meets them.
fn all(table: Oid, command: Command) -> Vec<Native> {
    let letter = match command {
        Command::Select | Command::Index => "r",
        Command::Insert => "a",
        Command::Update => "w",
        Command::Delete => "d",
    };
    POLICIES.with(|statement| {
        statement.query(&[oid_arg(table), arg(letter), oid_arg(user::current())], |row| {
            Native {
                name: row.get(1).unwrap_or_default(),
                is_permissive: row.get(2).unwrap_or(true),
                condition: row.get(3),
                is_for_role: row.get(4).unwrap_or(false),
                is_for_command: row.get(5).unwrap_or(false),
            }
        })
    })
}

/// Those with something to say of a command, whatever role they are for.
pub fn for_command(table: Oid, command: Command) -> impl Iterator<Item = Native> {
    all(table, command)
        .into_iter()
        .filter(|native| native.is_for_command && native.condition.is_some())
}

/// The conditions that a command of the current role meets; all must hold.
pub fn terms(table: Oid, command: Command) -> Vec<String> {
    let natives = all(table, command);
    let applying = |is_permissive: bool| {
        let natives = natives.iter().filter(move |native| {
            native.is_permissive == is_permissive && native.is_for_role && native.is_for_command
        });
        natives.filter_map(|native| Some(format!("({})", native.condition.as_ref()?)))
    };
    let mut terms: Vec<String> = applying(false).collect();
    if natives.iter().any(|native| native.is_permissive) {
        let permitted: Vec<String> = applying(true).collect();
        terms.push(if permitted.is_empty() {
            "false".to_owned()
        } else {
            format!("({})", permitted.join(" OR "))
        });
    }
    terms
}

/// What our policies say of a row, and what is left to say for those of PostgreSQL: which of them apply depends on the database role, and
/// they are not evaluated.
pub fn qualified(
    (is_allowed, why): (Option<bool>, String),
    table: Oid,
    commands: &[Command],
) -> (Option<bool>, String) {
    if is_allowed == Some(false) {
        return (is_allowed, why);
    }
    let mut names = Vec::new();
    for command in commands {
        let natives = all(table, *command);
        let has_permissive = natives.iter().any(|native| native.is_permissive);
        let met: Vec<Native> = natives
            .into_iter()
            .filter(|native| native.is_for_command)
            .collect();
        if has_permissive && !met.iter().any(|native| native.is_permissive) {
            let what = format!(
                "PostgreSQL's own policies on the table permit no {}",
                command.name()
            );
            return (Some(false), what);
        }
        names.extend(met.into_iter().map(|native| format!("\"{}\"", native.name)));
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return (is_allowed, why);
    }
    let what = format!(
        "{why}; PostgreSQL's own policies decide as well, and are not evaluated here: {}",
        names.join(", ")
    );
    (None, what)
}
