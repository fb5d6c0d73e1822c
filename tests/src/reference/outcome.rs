//! What a statement must come to, by the meaning of SQL and of policies.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluation::{Row, World};
use super::expression::{ALL, Condition};
use super::scene::text;
use super::statement::{Kind, Output, Statement};
use super::value::{Datum, Value};
use super::view::Source;
use super::writing;

/// What a statement comes to: what it answers and leaves behind, in any order; or one of these refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer, and every table and the log afterwards if the statement writes.
    Rows(Vec<String>, Option<Vec<String>>),
    /// SQLSTATE of the refusal; the order of rows decides which where several are possible.
    Refused(BTreeSet<String>),
}

impl Outcome {
    /// Whether a rule or trigger has written something.
    #[must_use]
    pub fn has_log(&self) -> bool {
        match self {
            Self::Rows(_, Some(after)) => after.iter().any(|line| line.starts_with("log|")),
            _ => false,
        }
    }
}

impl Statement {
    /// What it must come to.
    #[must_use]
    pub fn outcome(&self, world: &World<'_>) -> Outcome {
        match &self.kind {
            Kind::Select {
                sources,
                condition,
                output,
                ..
            } => Outcome::Rows(select(world, sources, condition.as_ref(), output), None),
            _ => match writing::run(self, world) {
                Ok((returned, after)) => Outcome::Rows(returned, Some(after)),
                Err(states) => Outcome::Refused(states.into_iter().map(str::to_owned).collect()),
            },
        }
    }
}

fn select(
    world: &World<'_>,
    sources: &[Source],
    condition: Option<&Condition>,
    output: &Output,
) -> Vec<String> {
    let mut found: Vec<Vec<Row>> = vec![];
    let first = sources[0].table;
    let read = |table: usize| condition.map_or(0, |condition| condition.columns(table));
    let shown = match output {
        Output::Rows(columns) => *columns,
        Output::Count => 1,
        Output::Groups(column) => 1 << column,
    };
    let second = |output: &Output| if matches!(output, Output::Rows(_)) { ALL } else { 0 };
    for row in world.visible(sources[0], read(first) | shown) {
        let outer = world.with(first, &row);
        let holds =
            |world: &World<'_>| condition.is_none_or(|condition| condition.truth(world) == Some(true));
        match sources.get(1) {
            None => {
                if holds(&outer) {
                    found.push(vec![row.clone()]);
                }
            }
            Some(&other_source) => {
                let other_table = other_source.table;
                for other in world.visible(other_source, read(other_table) | second(output)) {
                    if holds(&outer.with(other_table, &other)) {
                        found.push(vec![row.clone(), other]);
                    }
                }
            }
        }
    }
    let mut lines: Vec<String> = match output {
        Output::Rows(columns) => found
            .iter()
            .map(|rows| {
                let first = text(&rows[0], *columns);
                let second = rows.get(1).map(|row| text(row, ALL));
                std::iter::once(first).chain(second).collect::<Vec<_>>().join("|")
            })
            .collect(),
        Output::Count => {
            let least = found.iter().map(|rows| &rows[0][0]).min_by_key(|key| match key {
                Some(Value::Int(number)) => *number,
                _ => i64::MAX,
            });
            let least = least.and_then(|key| key.as_ref().map(Value::text));
            vec![format!(
                "{}|{}",
                found.len(),
                least.unwrap_or_else(|| "~".to_owned())
            )]
        }
        Output::Groups(column) => {
            let mut groups = BTreeMap::new();
            for rows in &found {
                *groups.entry(rows[0][*column].clone()).or_insert(0) += 1;
            }
            let line = |(key, count): (&Datum, &i32)| {
                format!(
                    "{}|{count}",
                    key.as_ref().map_or_else(|| "~".to_owned(), Value::text)
                )
            };
            groups.iter().map(line).collect()
        }
    };
    lines.sort();
    lines
}
