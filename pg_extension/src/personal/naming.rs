//! Saying which column names the person that the rows of a table are about.

use super::differing::Differing;
use super::person::{check_columns, drop_checks, person_column, require_of_application};
use crate::error::{Error, Result};
use crate::sys::spi::{arg, oid_arg, run_command, statements};
use crate::sys::{Oid, relation, xact};
use vpd_text::sealed::is_key_name;

statements! {
    NAMEABLE = scanning "personal/nameable_column.sql";
    DEFINE = scanning "personal/define_person_column.sql";
    MOVING = scanning "personal/moving.sql";
}

/// A column that may name a person.
struct Nameable {
    is_plain: bool,
    is_of_table: bool,
    /// What its parent says of it: the root, and whether it names the same column, with the same kind.
    followed: Option<(String, bool)>,
    /// The commands that put the trigger on the table, and enable it.
    trigger: Option<String>,
    enabling: Vec<String>,
}

/// A column names the person, of a kind, that the rows of a table, and of its partitions, are about.
pub fn name_person(table: Oid, column: &str, kind: &str) -> Result<()> {
    if !is_key_name(kind) {
        return Err(Error::argument(
            "a kind of person is named by lower-case letters, digits and underscores, a letter first, at most 63",
            "Use a word such as customer.",
        ));
    }
    require_of_application(table)?;
    relation::lock_exclusively(table);
    let found = NAMEABLE.with(|statement| {
        statement.query_one(&[oid_arg(table), arg(column), arg(kind)], |row| Nameable {
            is_plain: row.required(1),
            is_of_table: row.required(2),
            followed: row.get::<String>(3).map(|root| (root, row.required(4))),
            trigger: row.get(5),
            enabling: row.required(6),
        })
    });
    let found = found.ok_or_else(|| Error::column_not_found(column))?;
    if !found.is_of_table {
        return Err(Error::wrong_relation(
            format!("{} is not a table", relation::full_name(table)),
            "Name the table that holds the rows.",
        ));
    }
    if !found.is_plain {
        return Err(Error::person_column_type(column));
    }
    match &found.followed {
        Some((root, false)) => return Err(Error::named_by_root(&relation::full_name(table), root)),
        // The partition says what its root says: nothing new, but a trigger of it may be disabled.
        Some((_, true)) => (),
        None => {
            DEFINE.with(|statement| statement.execute(&[oid_arg(table), arg(column), arg(kind)]));
        }
    }
    for command in found.trigger.iter().chain(&found.enabling) {
        run_command(command);
    }
    if found.followed.is_none() {
        drop_checks(table, None);
        check_columns(table)?;
    }
    relation::announce_change(table);
    tell_of_others(table);
    Ok(())
}

/// Tells how many rows a later `vpd.reseal` makes about others than before: whoever names persons may not have changed the names.
fn tell_of_others(table: Oid) {
    let moving = MOVING.with(|statement| statement.query(&[oid_arg(table)], |row| row.required::<Oid>(1)));
    for member in moving {
        let counted = xact::attempt_among_others(|| {
            let Some(person) = person_column(member)? else {
                return Ok(0);
            };
            Differing::of(member, &person)?.map_or(Ok(0), |differing| differing.count())
        });
        match counted {
            Ok(0) => (),
            Ok(rows) => Error::persons_move(&relation::full_name(member), rows).warn(),
            Err(failure) => {
                Error::person_not_searched(&relation::full_name(member), &failure.message).warn();
            }
        }
    }
}
