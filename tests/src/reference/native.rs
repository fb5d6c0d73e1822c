//! PostgreSQL's own policies: permissive and restrictive ones, for roles and commands, with a check of new rows that may be another.

use super::evaluation::{Role, World};
use super::expression::Condition;
use super::random::Random;
use super::scene::Command;

/// Whom a native policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Everybody,
    User,
    Owner,
    /// Nobody who asks here.
    Stranger,
}

/// A policy of PostgreSQL's own.
#[derive(Debug, Clone)]
pub struct Native {
    name: String,
    table: usize,
    is_permissive: bool,
    command: Option<Command>,
    role: For,
    using: Option<Condition>,
    check: Option<Condition>,
}

impl Native {
    /// A policy on a table; the conditions come one after the other.
    pub fn random(
        number: usize,
        table: usize,
        random: &mut Random,
        mut condition: impl FnMut(&mut Random) -> Condition,
    ) -> Self {
        let command = (!random.chance(40)).then(|| *random.pick(&Command::ALL));
        let (can_use, can_check) = match command {
            Some(Command::Insert) => (false, true),
            Some(Command::Select | Command::Delete) => (true, false),
            _ => (true, random.chance(40)),
        };
        // One that says nothing of rows that exist, where SQL allows it.
        let can_use = can_use && !(can_check && random.chance(15));
        Self {
            name: format!("n{number}"),
            table,
            is_permissive: random.chance(65),
            command,
            role: *random.pick(&[
                For::Everybody,
                For::Everybody,
                For::Everybody,
                For::User,
                For::User,
                For::Owner,
                For::Stranger,
            ]),
            using: can_use.then(|| condition(random)),
            check: can_check.then(|| condition(random)),
        }
    }

    /// Whether it is about a command of a role.
    fn applies(&self, command: Command, role: Role) -> bool {
        self.command.is_none_or(|known| known == command)
            && match self.role {
                For::Everybody => true,
                For::User => role == Role::User,
                For::Owner => role == Role::Owner,
                For::Stranger => false,
            }
    }

    /// What it asks of a row that exists, or of a new one.
    fn asked(&self, is_new: bool) -> Option<&Condition> {
        let checked = if is_new { self.check.as_ref() } else { None };
        checked.or(self.using.as_ref())
    }

    /// For a superuser.
    #[must_use]
    pub fn sql(&self, schema: &str) -> String {
        let kind = if self.is_permissive {
            "PERMISSIVE"
        } else {
            "RESTRICTIVE"
        };
        let command = self.command.map_or("ALL", Command::sql);
        let role = match self.role {
            For::Everybody => "PUBLIC",
            For::User => "app_user",
            For::Owner => "app_owner",
            For::Stranger => "app_stranger",
        };
        let clause = |word: &str, condition: &Option<Condition>| {
            let text = condition.as_ref().map(|condition| condition.sql(schema));
            text.map_or(String::new(), |text| format!(" {word} ({text})"))
        };
        format!(
            "CREATE POLICY {} ON {schema}.t{} AS {kind} FOR {command} TO {role}{}{};\n",
            self.name,
            self.table,
            clause("USING", &self.using),
            clause("WITH CHECK", &self.check)
        )
    }

    /// The control: the server forgets the permissive ones.
    #[must_use]
    pub fn sabotage(&self, schema: &str) -> String {
        if self.is_permissive {
            format!("DROP POLICY {} ON {schema}.t{};\n", self.name, self.table)
        } else {
            String::new()
        }
    }
}

/// Whether they let a command have the current row of a table: one permissive one must, if the table has any for whatever role and
/// command, and every restrictive one.
#[must_use]
pub fn permit(natives: &[Native], table: usize, command: Command, is_new: bool, world: &World<'_>) -> bool {
    let on_table = || natives.iter().filter(|native| native.table == table);
    let holds = |native: &Native| {
        native
            .asked(is_new)
            .map(|condition| condition.truth(world) == Some(true))
    };
    let applying = |is_permissive: bool| {
        on_table().filter(move |native| {
            native.is_permissive == is_permissive && native.applies(command, world.role)
        })
    };
    let is_restricted = on_table().any(|native| native.is_permissive);
    (!is_restricted || applying(true).any(|native| holds(native) == Some(true)))
        && applying(false).all(|native| holds(native) != Some(false))
}
