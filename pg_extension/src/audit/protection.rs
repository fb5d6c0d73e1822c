//! Tables where giving a column a value is an action: wanted is a privilege, and that nobody who takes part has made the row.
//!
//! The trigger fires after the row was stored, so that it sees what other triggers made of it. A row that moves to another partition is inserted there, and
//! only the trigger of the audit columns sees the update; so partitioned tables have audit columns.

use super::protected::{self, Protected};
use super::{catalogue, family, pseudonym, tracking};
use crate::authz::{Kind, Reference, change, owner};
use crate::context::{self, Identity};
use crate::duty::{action, person};
use crate::error::{Error, Result};
use crate::sys::datum;
use crate::sys::row_trigger::{Event, RowTrigger, TableRow};
use crate::sys::spi::{arg, oid_arg, statements};
use crate::sys::{Oid, relation};
use serde_json::json;

statements! {
    KEY = "segregation/key.sql";
    COLUMN = "segregation/column.sql";
    DEFINE = "segregation/define_protection.sql";
    IS_OTHER = "segregation/is_protected_otherwise.sql";
    UNDEFINE = "segregation/drop_protection.sql";
    IS_LEFT = "segregation/is_protected.sql";
    MAKER = "segregation/maker_column.sql";
    FAMILY = "policy/family.sql";
}

/// What is asked for.
pub struct Protection {
    pub maker_column: Option<String>,
    /// The privilege, resource:action.
    pub action: String,
    pub column: String,
    pub value: String,
    /// Columns that name the object; the primary key by default.
    pub key_columns: Option<Vec<String>>,
}

/// Makes a change of rows an action.
pub fn protect(table: Oid, asked: &Protection) -> Result<()> {
    let name = catalogue::lock_table(table)?;
    let resource = asked.action.rsplit_once(':').map(|(resource, _)| resource);
    if resource.is_none_or(str::is_empty) {
        return Err(Error::argument(
            "this is no action",
            "Name a privilege on a resource, as resource:action.",
        ));
    }
    Reference::new(Kind::Privilege, asked.action.as_str()).require()?;
    let maker = asked
        .maker_column
        .as_deref()
        .map(|column| maker_column(table, column))
        .transpose()?;
    if relation::is_partitioned(table) && tracking::of_relation(table)?.is_none() {
        return Err(Error::moves_not_followed());
    }
    let (number, kind, modifier) = column(table, &asked.column)?;
    datum::check_value(kind, modifier, &asked.value);
    let (keys, numbers) = key_columns(table, asked.key_columns.as_deref())?;
    let is_other = IS_OTHER.with(|statement| {
        let args = [
            oid_arg(table),
            arg(asked.action.as_str()),
            arg(maker.clone()),
            arg(number),
            arg(asked.value.as_str()),
            arg(numbers.clone()),
        ];
        statement.query_one(&args, |_| ())
    });
    if is_other.is_some() {
        owner::require_free_actions(std::slice::from_ref(&asked.action))?;
    }
    DEFINE.with(|statement| {
        statement.execute(&[
            oid_arg(table),
            arg(asked.action.as_str()),
            arg(maker),
            arg(asked.column.as_str()),
            arg(number),
            arg(asked.value.as_str()),
            arg(keys),
            arg(numbers),
        ])
    });
    family::put_triggers(Some(table));
    announce(table);
    change::record(
        "protect",
        &format!("table:{name}"),
        json!({ "action": asked.action, "maker": asked.maker_column, "column": asked.column, "value": asked.value }),
    );
    Ok(())
}

/// Takes the protection of an action back.
pub fn unprotect(table: Oid, action: &str) -> Result<()> {
    let name = catalogue::lock_table(table)?;
    owner::require_free_actions(&[action.to_owned()])?;
    if UNDEFINE.with(|statement| statement.execute(&[oid_arg(table), arg(action)])) == 0 {
        return Err(Error::not_found(
            "action_not_found",
            format!("{name} does not protect this action"),
            "See the view vpd.protected_actions.",
        ));
    }
    if IS_LEFT
        .with(|statement| statement.query_one(&[oid_arg(table)], |_| ()))
        .is_none()
    {
        family::take_triggers(table, false);
    }
    announce(table);
    change::record("unprotect", &format!("table:{name}"), json!({ "action": action }));
    Ok(())
}

/// Looks at a row that was inserted or updated.
pub fn after_row(trigger: &RowTrigger) -> Result<()> {
    let Some(new) = &trigger.new else { return Ok(()) };
    if tracking::is_loaded(trigger) {
        return Ok(());
    }
    let actions = protected::of_relation(trigger.relation)?;
    if actions.is_empty() {
        return Err(Error::not_ready(
            "the table's protected actions are not known",
            "Call vpd.protect_action for the table again, or drop the trigger.",
        ));
    }
    let mut renamed: Vec<(String, String)> = Vec::new();
    for protected in actions.iter() {
        let object = protected.object(new)?;
        if let (Event::Update, Some(old)) = (trigger.event, &trigger.old) {
            let former = protected.object(old)?;
            if former != object && !renamed.contains(&(former.clone(), object.clone())) {
                action::rename(&former, &object);
                renamed.push((former, object.clone()));
            }
        }
    }
    let arrived = match actions.first() {
        Some(first) if trigger.event == Event::Insert => {
            protected::take_arrived(trigger.relation, &first.object(new)?)
        }
        _ => None,
    };
    for protected in actions.iter() {
        let was = match &trigger.old {
            Some(old) if trigger.event == Event::Update => old.equals(protected.column, &protected.value)?,
            _ => arrived
                .as_ref()
                .is_some_and(|actions| actions.contains(&protected.action)),
        };
        if !was && new.equals(protected.column, &protected.value)? {
            protected.act(trigger, new)?;
        } else if trigger.event == Event::Insert && arrived.is_none() && protected.maker.is_some() {
            protected.note_maker(trigger.relation, new)?;
        }
    }
    Ok(())
}

impl Protected {
    /// The session gives the row the value.
    fn act(&self, trigger: &RowTrigger, new: &TableRow) -> Result<()> {
        if context::identity().is_none_or(|identity| !identity.is_authenticated) {
            return Err(Error::action_denied(&self.action));
        }
        let object = self.object(new)?;
        let identity = action::begin(&object, &self.action)?;
        if let Some(maker) = &self.maker {
            self.check_maker(trigger, new, maker, &identity, &object)?;
        }
        action::take(&identity, &object, &self.action)
    }

    fn check_maker(
        &self,
        trigger: &RowTrigger,
        new: &TableRow,
        maker: &str,
        identity: &Identity,
        object: &str,
    ) -> Result<()> {
        let tracking = tracking::of_relation(trigger.relation)?.ok_or_else(Error::not_tracked)?;
        let mut makers: Vec<Option<String>> = Vec::new();
        if maker == "created_by" {
            for row in [Some(new), trigger.old.as_ref()].into_iter().flatten() {
                makers.extend([
                    row.audit_text(tracking.created_by)?,
                    row.audit_text(tracking.created_login)?,
                ]);
            }
        } else {
            // Whoever stores the row is its last changer now; who was it before is the question. What he changes with it he would approve himself.
            if let Some(old) = &trigger.old
                && !new.is_same_but_for(old, &self.beside(&tracking))
            {
                return Err(Error::maker_checker(
                    "whoever does this changes nothing else with it: the change would be his own",
                ));
            }
            let row = trigger.old.as_ref().unwrap_or(new);
            makers.extend([
                row.audit_text(tracking.updated_by)?,
                row.audit_text(tracking.updated_login)?,
            ]);
        }
        let makers: Vec<String> = makers
            .into_iter()
            .collect::<Option<Vec<String>>>()
            .filter(|makers| !pseudonym::has_erased(makers))
            .ok_or_else(Error::maker_unknown)?;
        let persons = person::persons(identity);
        let mut names = persons.clone();
        names.extend(pseudonym::of_users(&persons));
        if makers.iter().any(|maker| names.contains(maker)) || action::has_made(object, &persons) {
            return Err(Error::maker_checker("whoever made it cannot do this to it"));
        }
        Ok(())
    }

    /// The columns that an action may change: its own and the audit columns.
    fn beside(&self, tracking: &tracking::Tracking) -> Vec<i16> {
        tracking.columns().into_iter().chain([self.column]).collect()
    }

    /// The row names two of those who take part; when there are more, they are noted.
    fn note_maker(&self, relation: Oid, new: &TableRow) -> Result<()> {
        // Without one the row says that its maker is unknown.
        let Some(identity) = context::identity().filter(|identity| identity.is_authenticated) else {
            return Ok(());
        };
        let Some(tracking) = tracking::of_relation(relation)? else {
            return Ok(());
        };
        let mut named: Vec<String> = [
            new.audit_text(tracking.created_by)?,
            new.audit_text(tracking.created_login)?,
        ]
        .into_iter()
        .flatten()
        .collect();
        let persons = person::persons(&identity);
        named.extend(
            named
                .iter()
                .filter_map(|name| pseudonym::owner(name))
                .collect::<Vec<_>>(),
        );
        if persons.iter().any(|person| !named.contains(person)) {
            action::note_maker(&identity, &self.object(new)?);
        }
        Ok(())
    }
}

/// Which of the audit columns a column is: created_by or updated_by.
fn maker_column(table: Oid, column: &str) -> Result<String> {
    MAKER
        .with(|statement| statement.query_one(&[oid_arg(table), arg(column)], |row| row.get::<String>(1)))
        .flatten()
        .ok_or_else(Error::not_tracked)
}

/// Number, type and modifier of a column whose values can be compared whatever the settings of a connection are.
fn column(table: Oid, name: &str) -> Result<(i16, Oid, i32)> {
    let (number, kind, modifier, is_good) = COLUMN
        .with(|statement| {
            statement.query_one(&[oid_arg(table), arg(name)], |row| {
                Some((
                    row.get::<i16>(1)?,
                    row.get::<Oid>(2)?,
                    row.get::<i32>(3)?,
                    row.get::<bool>(4)?,
                ))
            })
        })
        .flatten()
        .ok_or_else(|| Error::column_not_found(name))?;
    if !is_good {
        return Err(Error::column_type(format!(
            "column \"{name}\" is neither text, number, boolean, enum nor uuid"
        )));
    }
    Ok((number, kind, modifier))
}

fn key_columns(table: Oid, named: Option<&[String]>) -> Result<(Vec<String>, Vec<i16>)> {
    let names = match named {
        Some(names) => names.to_vec(),
        None => KEY
            .with(|statement| statement.query_one(&[oid_arg(table)], |row| row.get::<Vec<String>>(1)))
            .flatten()
            .unwrap_or_default(),
    };
    if names.is_empty() {
        return Err(Error::not_found(
            "key_not_found",
            "the table has no primary key",
            "Name the columns that tell objects apart in key_columns.",
        ));
    }
    let numbers = names
        .iter()
        .map(|name| Ok(column(table, name)?.0))
        .collect::<Result<Vec<i16>>>()?;
    Ok((names, numbers))
}

fn announce(table: Oid) {
    let members = FAMILY.with(|statement| statement.query(&[oid_arg(table)], |row| row.get::<Oid>(1)));
    members.into_iter().flatten().for_each(relation::announce_change);
}
