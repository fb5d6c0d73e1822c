//! Rows that a statement writes, one by one: what refuses each, and what it is afterwards.

use super::{Event, Run, Target};
use crate::reference::evaluation::{
    CHECK_OPTION, MASKED, ROW_SECURITY, Role, Row, UNIQUE, VIEW_CONFLICT, World,
};
use crate::reference::expression::{ALL, Condition};
use crate::reference::scene::Command;
use crate::reference::statement::{Action, Conflict, Set};
use crate::reference::value::Value;
use crate::reference::view::{admit, pass};

impl Run<'_> {
    fn check_view(&self, target: &Target<'_>, row: &Row) -> Result<(), &'static str> {
        let table = target.source.table;
        let seen = self.world.read_as(target.role).masked(table, row);
        let world = self.world.with(table, &seen);
        if admit(target.source, &self.world.scene.views, false, &world) {
            Ok(())
        } else {
            Err(CHECK_OPTION)
        }
    }

    /// A row that may be inserted, as the triggers leave it.
    fn new_row(&mut self, target: &Target<'_>, given: &Row) -> Result<Row, &'static str> {
        let table = target.source.table;
        let mut row = given.clone();
        self.fire(true, table, Command::Insert, self.world.user, Some(&mut row));
        let world = self.world.read_as(target.role);
        if let Some(state) = world.refuses(table, Command::Insert, ALL, &row) {
            return Err(state);
        }
        if target.needs_select && !world.shows(table, Command::Select, ALL, &row) {
            return Err(ROW_SECURITY);
        }
        Ok(row)
    }

    fn add(&mut self, target: &Target<'_>, row: Row) -> Result<(), &'static str> {
        let table = target.source.table;
        self.check_view(target, &row)?;
        self.returned
            .push(self.world.read_as(target.role).masked(table, &row));
        self.data[table].push(row.clone());
        self.events.push(Event {
            table,
            old: None,
            new: Some(row),
            user: self.world.user,
        });
        Ok(())
    }

    /// Inserts row by row: the first refusal is the statement's.
    pub(super) fn insert(
        &mut self,
        target: &Target<'_>,
        given: &Row,
        conflict: &Conflict,
    ) -> Result<(), &'static str> {
        let (scene, table) = (self.world.scene, target.source.table);
        let about = self.world.read_as(Role::Owner);
        let is_left_out = scene
            .rules(table, Command::Insert)
            .any(|(_, rule)| !rule.returns() && rule.is_about(&about.with(table, given)));
        if is_left_out {
            return Ok(());
        }
        let row = self.new_row(target, given)?;
        let existing = self.data[table].iter().find(|known| known[0] == row[0]).cloned();
        match (existing, conflict) {
            (None, _) => self.add(target, row),
            (Some(_), Conflict::Raise) => Err(UNIQUE),
            (Some(_), Conflict::Skip { .. }) => Ok(()),
            (Some(before), Conflict::Update(set, condition)) => {
                let world = self.world.read_as(target.role);
                let seen = world.masked(table, &before);
                let mut current = self.world.with(table, &seen);
                current.excluded = Some(&row);
                // Asked before the WHERE, which could otherwise tell of a row that is hidden.
                if !world.shows(table, Command::Update, ALL, &before)
                    || !world.shows(table, Command::Select, ALL, &before)
                {
                    return Err(ROW_SECURITY);
                }
                // As it looks to the subject: the views on the way must show it too.
                if !pass(target.source, &scene.views, &current) {
                    return Err(VIEW_CONFLICT);
                }
                if condition
                    .as_ref()
                    .is_some_and(|condition| condition.truth(&current) != Some(true))
                {
                    return Ok(());
                }
                if writes_over_mask(&world, table, set, &before) {
                    return Err(MASKED);
                }
                let changed = apply(set, &before, &current);
                self.change(target, &before, changed)
            }
        }
    }

    /// Stores the new version of a row, if it may be.
    pub(super) fn change(
        &mut self,
        target: &Target<'_>,
        before: &Row,
        mut changed: Row,
    ) -> Result<(), &'static str> {
        let table = target.source.table;
        self.fire(true, table, Command::Update, self.world.user, Some(&mut changed));
        let world = self.world.read_as(target.role);
        if let Some(state) = world.refuses(table, Command::Update, target.columns, &changed) {
            return Err(state);
        }
        if target.needs_select && !world.shows(table, Command::Select, target.columns, &changed) {
            return Err(ROW_SECURITY);
        }
        self.check_view(target, &changed)?;
        self.returned.push(world.masked(table, &changed));
        self.replace(table, before, changed, self.world.user);
        Ok(())
    }

    pub(super) fn replace(&mut self, table: usize, before: &Row, changed: Row, user: Role) {
        for row in self.data[table].iter_mut().filter(|row| row[0] == before[0]) {
            row.clone_from(&changed);
        }
        self.events.push(Event {
            table,
            old: Some(before.clone()),
            new: Some(changed),
            user,
        });
    }

    pub(super) fn update(&mut self, target: &Target<'_>, set: &Set) {
        let table = target.source.table;
        for row in self.reached(target, Command::Update, set) {
            let world = self.world.read_as(target.role);
            if writes_over_mask(&world, table, set, &row) {
                self.states.push(MASKED);
            }
            let seen = world.masked(table, &row);
            let changed = apply(set, &row, &self.world.with(table, &seen));
            if let Err(state) = self.change(target, &row, changed) {
                self.states.push(state);
            }
        }
    }

    pub(super) fn remove(&mut self, target: &Target<'_>, row: &Row) {
        let table = target.source.table;
        self.fire(true, table, Command::Delete, self.world.user, None);
        self.returned
            .push(self.world.read_as(target.role).masked(table, row));
        self.take(table, row, self.world.user);
    }

    pub(super) fn take(&mut self, table: usize, row: &Row, user: Role) {
        self.data[table].retain(|known| known[0] != row[0]);
        self.events.push(Event {
            table,
            old: Some(row.clone()),
            new: None,
            user,
        });
    }

    /// Each key meets the row it can see; which refusal comes first depends on the plan.
    pub(super) fn merge(
        &mut self,
        target: &Target<'_>,
        keys: &[i64],
        matched: &[(Option<Condition>, Action)],
        new_row: Option<&Row>,
    ) {
        // An insert references every column; without one no policy of the table is about columns.
        let (table, columns) = (target.source.table, ALL);
        let target = Target {
            needs_select: true,
            ..*target
        };
        let world = self.world;
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
                let target = Target {
                    needs_select: false,
                    ..target
                };
                let added = self.new_row(&target, &row).and_then(|row| {
                    if world.data[table].iter().any(|known| known[0] == key) {
                        return Err(UNIQUE);
                    }
                    self.add(&target, row)
                });
                self.states.extend(added.err());
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
                    self.states.push(ROW_SECURITY);
                }
                Some((_, Action::Delete)) => self.remove(&target, existing),
                Some((_, Action::Update(_))) if !world.shows(table, Command::Update, columns, existing) => {
                    self.states.push(ROW_SECURITY);
                }
                Some((_, Action::Update(set))) if writes_over_mask(&world, table, set, existing) => {
                    self.states.push(MASKED);
                }
                Some((_, Action::Update(set))) => {
                    let changed = apply(set, existing, &current);
                    let changed = self.change(&target, existing, changed);
                    self.states.extend(changed.err());
                }
            }
        }
    }
}

/// Whether a statement sets a column whose value the subject does not see in the row.
fn writes_over_mask(world: &World<'_>, table: usize, set: &Set, row: &Row) -> bool {
    set.iter().any(|(column, _)| !world.is_seen(*column, table, row))
}

pub(super) fn apply(set: &Set, row: &Row, world: &World<'_>) -> Row {
    let mut changed = row.clone();
    for (column, scalar) in set {
        changed[*column] = scalar.value(world);
    }
    changed
}
