//! What a statement must come to, by the meaning of SQL and of policies.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluation::{MASKED, ROW_SECURITY, Row, UNIQUE, World};
use super::expression::{ALL, Columns, Condition};
use super::scene::{Command, text};
use super::statement::{Action, Conflict, Kind, Output, Set, Statement};
use super::value::{Datum, Value};

/// What a statement comes to: what it answers and leaves in its table, in any order; or one of these refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer, and the table afterwards if the statement writes.
    Rows(Vec<String>, Option<Vec<String>>),
    /// SQLSTATE of the refusal; the order of rows decides which where several are possible.
    Refused(BTreeSet<String>),
}

impl Statement {
    /// What it must come to.
    #[must_use]
    pub fn outcome(&self, world: &World<'_>) -> Outcome {
        match &self.kind {
            Kind::Select {
                tables,
                condition,
                output,
                ..
            } => Outcome::Rows(select(world, tables, condition.as_ref(), output), None),
            Kind::Insert { rows, conflict } => self.insert(world, rows, conflict),
            Kind::Update { set, condition } => self.update(world, set, condition.as_ref()),
            Kind::Delete { condition } => self.delete(world, condition.as_ref()),
            Kind::Merge {
                keys,
                matched,
                new_row,
            } => self.merge(world, keys, matched, new_row.as_ref()),
        }
    }

    /// Inserts row by row: the first refusal is the statement's.
    fn insert(&self, world: &World<'_>, rows: &[Row], conflict: &Conflict) -> Outcome {
        let table = self.table;
        let mut after = world.data[table].clone();
        let mut returned = vec![];
        let needs_select = self.is_returning
            || matches!(
                conflict,
                Conflict::Update(..) | Conflict::Skip { has_target: true }
            );
        for row in rows {
            if let Some(state) = world.refuses(table, Command::Insert, ALL, row) {
                return refused([state]);
            }
            if needs_select && !world.shows(table, Command::Select, ALL, row) {
                return refused([ROW_SECURITY]);
            }
            let existing = after.iter_mut().find(|known| known[0] == row[0]);
            match (existing, conflict) {
                (None, _) => {
                    returned.push(row.clone());
                    after.push(row.clone());
                }
                (Some(_), Conflict::Raise) => return refused([UNIQUE]),
                (Some(_), Conflict::Skip { .. }) => (),
                (Some(existing), Conflict::Update(set, condition)) => {
                    let before = existing.clone();
                    let seen = world.masked(table, &before);
                    let mut current = world.with(table, &seen);
                    current.excluded = Some(row);
                    let can_see = |row: &Row| world.shows(table, Command::Select, ALL, row);
                    // Asked before the WHERE, which could otherwise tell of a row that is hidden.
                    if !world.shows(table, Command::Update, ALL, &before) || !can_see(&before) {
                        return refused([ROW_SECURITY]);
                    }
                    if condition
                        .as_ref()
                        .is_some_and(|condition| condition.truth(&current) != Some(true))
                    {
                        continue;
                    }
                    if writes_over_mask(world, table, set, &before) {
                        return refused([MASKED]);
                    }
                    let changed = apply(set, &before, &current);
                    if let Some(state) = world.refuses(table, Command::Update, ALL, &changed) {
                        return refused([state]);
                    }
                    if !can_see(&changed) {
                        return refused([ROW_SECURITY]);
                    }
                    returned.push(changed.clone());
                    *existing = changed;
                }
            }
        }
        self.done(world, &returned, &after)
    }

    fn update(&self, world: &World<'_>, set: &Set, condition: Option<&Condition>) -> Outcome {
        let table = self.table;
        let read = self.read(condition)
            | set
                .iter()
                .map(|(_, scalar)| scalar.columns(table))
                .fold(0, |all, part| all | part);
        let needs_select = read != 0;
        let columns = read | set.iter().fold(0, |all, (column, _)| all | 1 << column);
        let (mut after, mut returned, mut states) = (vec![], vec![], vec![]);
        for row in &world.data[table] {
            if !self.touches(world, Command::Update, (needs_select, columns), condition, row) {
                after.push(row.clone());
                continue;
            }
            if writes_over_mask(world, table, set, row) {
                states.push(MASKED);
            }
            let seen = world.masked(table, row);
            let changed = apply(set, row, &world.with(table, &seen));
            states.extend(
                world
                    .refuses(table, Command::Update, columns, &changed)
                    .or_else(|| {
                        (needs_select && !world.shows(table, Command::Select, columns, &changed))
                            .then_some(ROW_SECURITY)
                    }),
            );
            returned.push(changed.clone());
            after.push(changed);
        }
        if states.is_empty() {
            self.done(world, &returned, &after)
        } else {
            refused(states)
        }
    }

    fn delete(&self, world: &World<'_>, condition: Option<&Condition>) -> Outcome {
        // A row takes all its columns with it.
        let needs_select = self.read(condition) != 0;
        let (gone, after): (Vec<Row>, Vec<Row>) = world.data[self.table]
            .iter()
            .cloned()
            .partition(|row| self.touches(world, Command::Delete, (needs_select, ALL), condition, row));
        self.done(world, &gone, &after)
    }

    /// The columns that a condition and RETURNING read.
    fn read(&self, condition: Option<&Condition>) -> Columns {
        let returned = if self.is_returning { ALL } else { 0 };
        returned | condition.map_or(0, |condition| condition.columns(self.table))
    }

    fn touches(
        &self,
        world: &World<'_>,
        command: Command,
        (needs_select, columns): (bool, Columns),
        condition: Option<&Condition>,
        row: &Row,
    ) -> bool {
        world.shows(self.table, command, columns, row)
            && (!needs_select || world.shows(self.table, Command::Select, columns, row))
            && condition.is_none_or(|condition| {
                let seen = world.masked(self.table, row);
                condition.truth(&world.with(self.table, &seen)) == Some(true)
            })
    }

    /// Each key meets the row it can see; which refusal comes first depends on the plan.
    fn merge(
        &self,
        world: &World<'_>,
        keys: &[i64],
        matched: &[(Option<Condition>, Action)],
        new_row: Option<&Row>,
    ) -> Outcome {
        // An insert references every column; without one no policy of the table is about columns.
        let (table, columns) = (self.table, ALL);
        let mut after = world.data[table].clone();
        let mut states = vec![];
        for key in keys {
            let key = Some(Value::Int(*key));
            let existing = world.data[table]
                .iter()
                .filter(|row| world.shows(table, Command::Select, columns, row))
                .find(|row| row[0] == key);
            let Some(existing) = existing else {
                let Some(new_row) = new_row else { continue };
                let mut row = new_row.clone();
                row[0].clone_from(&key);
                if let Some(state) = world.refuses(table, Command::Insert, columns, &row) {
                    states.push(state);
                } else if world.data[table].iter().any(|row| row[0] == key) {
                    states.push(UNIQUE);
                } else {
                    after.push(row);
                }
                continue;
            };
            let seen = world.masked(table, existing);
            let current = world.with(table, &seen);
            let holds = |condition: &Option<Condition>| {
                condition
                    .as_ref()
                    .is_none_or(|condition| condition.truth(&current) == Some(true))
            };
            match matched.iter().find(|(condition, _)| holds(condition)) {
                None => (),
                Some((_, Action::Delete)) if !world.shows(table, Command::Delete, columns, existing) => {
                    states.push(ROW_SECURITY);
                }
                Some((_, Action::Delete)) => after.retain(|row| row[0] != key),
                Some((_, Action::Update(_))) if !world.shows(table, Command::Update, columns, existing) => {
                    states.push(ROW_SECURITY);
                }
                Some((_, Action::Update(set))) if writes_over_mask(world, table, set, existing) => {
                    states.push(MASKED);
                }
                Some((_, Action::Update(set))) => {
                    let changed = apply(set, existing, &current);
                    if let Some(state) = world.refuses(table, Command::Update, columns, &changed) {
                        states.push(state);
                    } else if !world.shows(table, Command::Select, columns, &changed) {
                        states.push(ROW_SECURITY);
                    }
                    for row in after.iter_mut().filter(|row| row[0] == key) {
                        row.clone_from(&changed);
                    }
                }
            }
        }
        if states.is_empty() {
            self.done(world, &[], &after)
        } else {
            refused(states)
        }
    }

    fn done(&self, world: &World<'_>, returned: &[Row], after: &[Row]) -> Outcome {
        let returned = if self.is_returning {
            let seen: Vec<Row> = returned.iter().map(|row| world.masked(self.table, row)).collect();
            lines(&seen)
        } else {
            vec![]
        };
        Outcome::Rows(returned, Some(lines(after)))
    }
}

fn refused(states: impl IntoIterator<Item = &'static str>) -> Outcome {
    Outcome::Refused(states.into_iter().map(str::to_owned).collect())
}

fn lines(rows: &[Row]) -> Vec<String> {
    let mut lines: Vec<String> = rows.iter().map(|row| text(row, ALL)).collect();
    lines.sort();
    lines
}

/// Whether a statement sets a column whose value the subject does not see in the row.
fn writes_over_mask(world: &World<'_>, table: usize, set: &Set, row: &Row) -> bool {
    set.iter().any(|(column, _)| !world.is_seen(*column, table, row))
}

fn apply(set: &Set, row: &Row, world: &World<'_>) -> Row {
    let mut changed = row.clone();
    for (column, scalar) in set {
        changed[*column] = scalar.value(world);
    }
    changed
}

fn select(
    world: &World<'_>,
    tables: &[usize],
    condition: Option<&Condition>,
    output: &Output,
) -> Vec<String> {
    let mut found: Vec<Vec<Row>> = vec![];
    let first = tables[0];
    let read = |table: usize| condition.map_or(0, |condition| condition.columns(table));
    let shown = match output {
        Output::Rows(columns) => *columns,
        Output::Count => 1,
        Output::Groups(column) => 1 << column,
    };
    let second = |output: &Output| if matches!(output, Output::Rows(_)) { ALL } else { 0 };
    for row in world.visible(first, read(first) | shown) {
        let outer = world.with(first, &row);
        let holds =
            |world: &World<'_>| condition.is_none_or(|condition| condition.truth(world) == Some(true));
        match tables.get(1) {
            None => {
                if holds(&outer) {
                    found.push(vec![row.clone()]);
                }
            }
            Some(&other_table) => {
                for other in world.visible(other_table, read(other_table) | second(output)) {
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
