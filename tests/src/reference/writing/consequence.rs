//! What a statement sets off: rules, triggers, and what happens to the rows that refer to others.

use super::row::apply;
use super::{Run, Target, columns};
use crate::reference::effect::{Action as RuleAction, CHILD, Referential};
use crate::reference::evaluation::{FOREIGN_KEY, MASKED, Role, Row, World};
use crate::reference::expression::{ALL, Columns, Condition};
use crate::reference::scene::{Command, Scene};
use crate::reference::statement::{Conflict, Kind, Set, Statement};
use crate::reference::value::{Datum, Value};
use crate::reference::view::{Instead, Source};

impl Run<'_> {
    /// What the rules of a table do for each row before the statement changes any: they read the rows, as the statement would.
    pub(super) fn also(&mut self, target: &Target<'_>, event: Command) {
        let (scene, table) = (self.world.scene, target.source.table);
        let mut commands = vec![Command::Select];
        commands.extend((event == Command::Update).then_some(event));
        for (number, rule) in scene.rules(table, event) {
            let RuleAction::Also(read) = &rule.action else {
                continue;
            };
            let target = Target {
                columns: target.columns
                    | columns(
                        target.source,
                        1 | rule
                            .condition
                            .as_ref()
                            .map_or(0, |condition| condition.columns(table)),
                    ),
                ..*target
            };
            let read = read.lines(&self.world.read_as(Role::Owner));
            for row in &self.world.data[table] {
                let is_about = |world: &World<'_>| rule.is_about(&world.read_as(Role::Owner));
                if self.reaches(&target, &commands, row, is_about) {
                    self.log
                        .extend(read.iter().map(|line| format!("r{number}|{}|{line}", key(row))));
                }
            }
        }
    }

    pub(super) fn also_inserted(&mut self, table: usize, rows: &[Row]) {
        let scene = self.world.scene;
        let mut written = vec![];
        for (number, rule) in scene.rules(table, Command::Insert) {
            let RuleAction::Also(read) = &rule.action else {
                continue;
            };
            let world = self.now(self.world.user).read_as(Role::Owner);
            let read = read.lines(&world);
            for row in rows.iter().filter(|row| rule.is_about(&world.with(table, row))) {
                written.extend(read.iter().map(|line| format!("r{number}|{}|{line}", key(row))));
            }
        }
        self.log.extend(written);
    }

    /// Fires the triggers of a table; those before the row may change it.
    pub(super) fn fire(
        &mut self,
        is_before: bool,
        table: usize,
        event: Command,
        user: Role,
        mut row: Option<&mut Row>,
    ) {
        for (number, trigger) in self.world.scene.triggers.iter().enumerate() {
            if trigger.table != table || trigger.is_before != is_before || !trigger.events.contains(&event) {
                continue;
            }
            let user = if trigger.is_definer { Role::Owner } else { user };
            let line = trigger.line(number, event, &self.now(user));
            self.log.push(line);
            if let (Some(row), Some((column, _, datum))) = (row.as_deref_mut(), &trigger.set) {
                row[*column].clone_from(datum);
            }
        }
    }

    /// What a rule does instead: as the owner, to the table, for each row that the statement finds in the view.
    pub(super) fn instead(&mut self, rule: &Instead, statement: &Statement) {
        let source = statement.source;
        let table = source.table;
        let target = Target {
            source: Source { table, view: None },
            role: Role::Owner,
            // A rule has RETURNING, whether the statement uses it or not.
            needs_select: true,
            columns: ALL,
            condition: rule.condition.as_ref(),
            condition_role: Role::Owner,
        };
        let found = |condition: &Option<Condition>| -> Vec<Row> {
            let rows = self.world.visible(source, ALL);
            rows.filter(|row| {
                let world = self.world.with(table, row);
                condition
                    .as_ref()
                    .is_none_or(|condition| condition.truth(&world) == Some(true))
            })
            .collect()
        };
        match &statement.kind {
            Kind::Insert { rows, .. } => {
                for row in rows {
                    if let Err(state) = self.insert(&target, row, &Conflict::Raise) {
                        self.states.push(state);
                        return;
                    }
                }
            }
            Kind::Update { set, condition } => {
                let found = found(condition);
                for row in self.reached(&target, Command::Update, &Set::new()) {
                    let Some(old) = found.iter().find(|old| old[0] == row[0]) else {
                        continue;
                    };
                    let new = apply(set, old, &self.world.with(table, old));
                    let value = new[rule.column].clone();
                    let world = self.world.read_as(Role::Owner);
                    if !world.is_seen(rule.column, table, &row) {
                        self.states.push(MASKED);
                    }
                    let mut changed = row.clone();
                    changed[rule.column] = value;
                    if let Err(state) = self.change(&target, &row, changed) {
                        self.states.push(state);
                    }
                }
            }
            Kind::Delete { condition } => {
                let found = found(condition);
                for row in self.reached(&target, Command::Delete, &Set::new()) {
                    if found.iter().any(|old| old[0] == row[0]) {
                        self.remove(&target, &row);
                    }
                }
            }
            Kind::Select { .. } | Kind::Merge { .. } => (),
        }
    }

    /// Referential actions, and the triggers after the rows.
    pub(super) fn finish(&mut self) {
        if let Some(reference) = &self.world.scene.foreign_key {
            let moved: Vec<(Datum, Option<Datum>)> = self
                .events
                .iter()
                .filter(|event| event.table == reference.parent)
                .filter_map(|event| {
                    let old = event.old.as_ref()?[0].clone();
                    let new = event.new.as_ref().map(|new| new[0].clone());
                    (new.as_ref() != Some(&old)).then_some((old, new))
                })
                .collect();
            for (old, new) in moved {
                self.refer(&old, new);
            }
            let parents = &self.data[reference.parent];
            let is_whole = self.data[CHILD].iter().all(|row| {
                let key = &row[reference.column];
                key.is_none() || parents.iter().any(|parent| parent[0] == *key)
            });
            if !is_whole {
                self.states.push(FOREIGN_KEY);
                return;
            }
        }
        for event in std::mem::take(&mut self.events) {
            let command = match (&event.old, &event.new) {
                (None, _) => Command::Insert,
                (_, None) => Command::Delete,
                _ => Command::Update,
            };
            self.fire(false, event.table, command, event.user, None);
        }
    }

    /// What happens to the rows that refer to a key which goes, or becomes another. The server does it as the owner, past policies and masks;
    /// the triggers that it sets off are under them.
    fn refer(&mut self, old: &Datum, new: Option<Datum>) {
        let Some(reference) = &self.world.scene.foreign_key else {
            return;
        };
        let column = reference.column;
        let action = if new.is_some() {
            reference.on_update
        } else {
            reference.on_delete
        };
        // Those after the row wait for the end of the statement, and run as whoever sent it.
        let after = self.world.user;
        let referring: Vec<Row> = self.data[CHILD]
            .iter()
            .filter(|row| row[column] == *old)
            .cloned()
            .collect();
        for row in referring {
            let value = match (action, &new) {
                (Referential::NoAction | Referential::Restrict, _) => continue,
                (Referential::Cascade, None) => {
                    self.fire(true, CHILD, Command::Delete, Role::Owner, None);
                    self.take(CHILD, &row, after);
                    continue;
                }
                (Referential::Cascade, Some(new)) => new.clone(),
                (Referential::SetNull, _) => None,
                (Referential::SetDefault, _) => reference.default.clone(),
            };
            let mut changed = row.clone();
            changed[column] = value;
            self.fire(true, CHILD, Command::Update, Role::Owner, Some(&mut changed));
            self.replace(CHILD, &row, changed, after);
        }
    }
}

/// The columns that conditions of rules bring into the statement itself.
pub(super) fn rule_columns(scene: &Scene, table: usize, event: Command, returns: bool) -> Columns {
    scene
        .rules(table, event)
        .filter(|(_, rule)| rule.returns() == returns)
        .filter_map(|(_, rule)| Some(rule.condition.as_ref()?.columns(table)))
        .fold(0, |all, part| all | part)
}

fn key(row: &Row) -> String {
    row[0].as_ref().map_or_else(|| "~".to_owned(), Value::text)
}
