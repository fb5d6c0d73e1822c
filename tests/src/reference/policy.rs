//! Policies and masks of ours: what they mean, and as SQL.

use super::evaluation::{TABLES, World};
use super::expression::{Columns, Condition, name};
use super::scene::Command;
use super::subject::GROUPS;
use super::value::{Datum, Type, sql};

/// Where the text of a policy comes from; no text means that nothing is visible.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Template(Condition),
    /// One text for those in a role, another for the rest.
    Function(&'static str, Option<Condition>, Option<Condition>),
}

/// A policy of ours.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) name: String,
    pub(super) table: usize,
    pub(super) source: Text,
    pub(super) kind: Option<&'static str>,
    pub(super) commands: Vec<Command>,
    /// It applies only where one of these columns is referenced.
    pub(super) relevant: Option<Columns>,
    /// Whether new rows are checked.
    pub is_checked: bool,
    /// A disabled one restricts nothing.
    pub is_enabled: bool,
    /// One of two groups of its table; none: it applies always.
    pub(super) group: Option<usize>,
}

/// A mask over a column.
#[derive(Debug, Clone)]
pub struct Mask {
    pub(super) table: usize,
    /// Number of the column, never the key.
    pub column: usize,
    /// What is seen instead of the value.
    pub value: Datum,
    /// Where the value is seen.
    pub visible: Condition,
    pub(super) is_enabled: bool,
}

impl Policy {
    /// Whether it lets a row pass: only what is true does.
    #[must_use]
    pub fn holds(&self, world: &World<'_>) -> bool {
        let condition = match &self.source {
            Text::Template(condition) => Some(condition),
            Text::Function(role, inside, outside) => {
                let is_inside = world.subject.is_some_and(|subject| subject.roles.contains(role));
                if is_inside {
                    inside.as_ref()
                } else {
                    outside.as_ref()
                }
            }
        };
        condition.is_some_and(|condition| condition.truth(world) == Some(true))
    }

    /// The function, for its owner.
    pub(super) fn function_sql(&self, schema: &str) -> String {
        let text = |condition: &Option<Condition>| {
            condition
                .as_ref()
                .map_or("NULL".to_owned(), |condition| quoted(condition, schema))
        };
        match &self.source {
            Text::Template(_) => String::new(),
            Text::Function(role, inside, outside) => format!(
                "CREATE FUNCTION {schema}.f_{}(text, text) RETURNS text LANGUAGE sql STABLE RETURN
                     CASE WHEN vpd.user_in_role('{role}') THEN {} ELSE {} END;\n",
                self.name,
                text(inside),
                text(outside)
            ),
        }
    }

    /// For the security administrator.
    pub(super) fn sql(&self, schema: &str) -> String {
        let source = match &self.source {
            Text::Template(condition) => format!("predicate => {}", quoted(condition, schema)),
            Text::Function(..) => format!("policy_function => '{schema}.f_{}'", self.name),
        };
        let kind = self
            .kind
            .map_or(String::new(), |kind| format!(", kind => '{kind}'"));
        let relevant = self.relevant.map_or(String::new(), |relevant| {
            let columns = (0..32).filter(|column| relevant & 1 << column != 0);
            let columns: Vec<String> = columns.map(|column| name(self.table, column)).collect();
            format!(", relevant_columns => '{{{}}}'", columns.join(","))
        });
        let group = self.group.map_or(String::new(), |group| {
            format!(", policy_group => '{}'", GROUPS[group])
        });
        let commands: Vec<&str> = self.commands.iter().map(|command| command.sql()).collect();
        format!(
            "SELECT vpd.add_policy('{schema}.t{}', '{}', {source}{kind}{relevant}{group}, statement_types => '{{{}}}', update_check => {}, enabled => {});\n",
            self.table,
            self.name,
            commands.join(","),
            self.is_checked,
            self.is_enabled
        )
    }
}

impl Mask {
    /// A sealed column is one with a mask, and who has the privilege sees the value.
    pub(super) fn sealing(columns: &[Vec<Type>; TABLES]) -> Vec<Self> {
        let mut masks = vec![];
        for (table, kinds) in columns.iter().enumerate() {
            for (column, kind) in kinds.iter().enumerate() {
                if let Type::Sealed(seal) = kind {
                    masks.push(Self {
                        table,
                        column,
                        value: seal.hidden(),
                        visible: Condition::HasPrivilege(seal.privilege()),
                        is_enabled: true,
                    });
                }
            }
        }
        masks
    }

    /// For the security administrator.
    pub(super) fn sql(&self, schema: &str, kind: Type) -> String {
        format!(
            "SELECT vpd.add_mask('{schema}.t{}', '{}', $m${}$m$, {}, enabled => {});\n",
            self.table,
            name(self.table, self.column),
            sql(&self.value, kind),
            quoted(&self.visible, schema),
            self.is_enabled
        )
    }
}

fn quoted(condition: &Condition, schema: &str) -> String {
    format!("$p${}$p$", condition.sql(schema))
}
