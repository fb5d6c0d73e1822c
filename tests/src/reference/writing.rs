//! What a statement that writes leaves behind, with the rules, triggers and referential actions that it sets off.

use super::effect::{Action as RuleAction, CHILD, Referential};
use super::evaluation::{
    CHECK_OPTION, Data, FOREIGN_KEY, MASKED, ROW_SECURITY, Role, Row, UNIQUE, VIEW_CONFLICT, World,
};
use super::expression::{ALL, Columns, Condition};
use super::scene::{Command, Scene, text};
use super::statement::{Action, Conflict, Kind, Set, Statement};
use super::value::{Datum, Value};
use super::view::{Instead, Source, View, admit, base_role, pass};

/// The answer, and every table and the log afterwards; or what the statement may be refused with.
type Written = Result<(Vec<String>, Vec<String>), Vec<&'static str>>;

/// What a writing statement must come to.
pub fn run(statement: &Statement, world: &World<'_>) -> Written {
    let mut run = Run {
        world: *world,
        data: world.data.clone(),
        log: vec![],
        events: vec![],
        returned: vec![],
        states: vec![],
    };
    run.statement(statement);
    if run.states.is_empty() {
        run.finish();
    }
    // A rule for INSERT acts when the rows and what followed from them are there.
    if run.states.is_empty()
        && let (Kind::Insert { rows, .. }, None) = (&statement.kind, rule(statement, world.scene))
    {
        run.also_inserted(statement.source.table, rows);
    }
    if !run.states.is_empty() {
        return Err(run.states);
    }
    let returned = if statement.is_returning {
        lines(run.returned.iter().map(|row| text(row, ALL)))
    } else {
        vec![]
    };
    let tables = run.data.iter().enumerate();
    let rows =
        tables.flat_map(|(table, rows)| rows.iter().map(move |row| format!("{table}|{}", text(row, ALL))));
    let log = run.log.iter().map(|line| format!("log|{line}"));
    Ok((returned, lines(rows.chain(log))))
}

fn lines(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// The rule that stands in the place of the statement.
fn rule<'a>(statement: &Statement, scene: &'a Scene) -> Option<&'a Instead> {
    let view = &scene.views[statement.source.view?];
    view.rule(statement.event()?)
}

/// How a statement reaches the rows of the table it writes.
struct Target<'a> {
    source: Source,
    /// As whom the table is read and written.
    role: Role,
    /// Whether the rows must be visible besides.
    needs_select: bool,
    columns: Columns,
    condition: Option<&'a Condition>,
    /// As whom the condition is evaluated.
    condition_role: Role,
}

/// A row that was written.
struct Event {
    table: usize,
    old: Option<Row>,
    new: Option<Row>,
    /// The role that ran the statement.
    user: Role,
}

struct Run<'a> {
    /// As the statement began.
    world: World<'a>,
    data: Data,
    log: Vec<String>,
    events: Vec<Event>,
    /// What RETURNING gives.
    returned: Vec<Row>,
    states: Vec<&'static str>,
}

impl Run<'_> {
    fn statement(&mut self, statement: &Statement) {
        let scene = self.world.scene;
        let source = statement.source;
        let table = source.table;
        if let Some(rule) = rule(statement, scene) {
            return self.instead(rule, statement);
        }
        let role = base_role(source, &scene.views, self.world.user);
        let mut target = Target {
            source,
            role,
            needs_select: statement.is_returning,
            columns: ALL,
            condition: None,
            condition_role: self.world.user,
        };
        let returned = if statement.is_returning { ALL } else { 0 };
        match &statement.kind {
            Kind::Select { .. } => (),
            Kind::Insert { rows, conflict } => {
                target.needs_select |= matches!(
                    conflict,
                    Conflict::Update(..) | Conflict::Skip { has_target: true }
                );
                for row in rows {
                    if let Err(state) = self.insert(&target, row, conflict) {
                        self.states.push(state);
                        return;
                    }
                }
            }
            Kind::Update { set, condition } => {
                let condition = condition.as_ref();
                let read = returned
                    | condition.map_or(0, |condition| condition.columns(table))
                    | set
                        .iter()
                        .map(|(_, scalar)| scalar.columns(table))
                        .fold(0, |all, part| all | part);
                target.needs_select = read != 0;
                let written = set.iter().fold(0, |all, (column, _)| all | 1 << column);
                target.columns = columns(source, read | written);
                target.condition = condition;
                self.also(&target, Command::Update);
                // A rule that may do nothing brings in the columns of its condition.
                target.columns |= rule_columns(scene, table, Command::Update, false);
                self.update(&target, set);
            }
            Kind::Delete { condition } => {
                target.condition = condition.as_ref();
                let read = returned | target.condition.map_or(0, |condition| condition.columns(table));
                target.needs_select = read != 0;
                target.columns = columns(source, read);
                self.also(&target, Command::Delete);
                // A row takes all its columns with it.
                target.columns = ALL;
                for row in self.reached(&target, Command::Delete, &Set::new()) {
                    self.remove(&target, &row);
                }
            }
            Kind::Merge {
                keys,
                matched,
                new_row,
            } => self.merge(&target, keys, matched, new_row.as_ref()),
        }
    }

    /// The world as it is in the middle of the statement.
    fn now(&self, user: Role) -> World<'_> {
        World::new(self.world.scene, &self.data, self.world.subject).run_as(user)
    }

    /// The rows that a command of a target reaches, as the statement began. `set` is what an UPDATE sets.
    fn reached(&self, target: &Target<'_>, command: Command, set: &Set) -> Vec<Row> {
        let (scene, table) = (self.world.scene, target.source.table);
        let is_left = |row: &Row, current: &World<'_>| {
            // Through one view PostgreSQL 15 takes OLD for NEW (`CopyAndAddInvertedQual`), on tables without policies too.
            let asked = if is_one_view(target.source, &scene.views) {
                let seen = current.row(table).unwrap_or(row);
                apply(set, seen, current)
            } else {
                current.row(table).unwrap_or(row).clone()
            };
            let about = current.with(table, &asked).read_as(Role::Owner);
            let nothing = scene
                .rules(table, command)
                .any(|(_, rule)| !rule.returns() && rule.is_about(&about));
            !nothing
        };
        let rows = self.world.data[table].iter();
        rows.filter(|row| self.reaches(target, &[command], row, |current| is_left(row, current)))
            .cloned()
            .collect()
    }

    fn reaches(
        &self,
        target: &Target<'_>,
        commands: &[Command],
        row: &Row,
        and: impl FnOnce(&World<'_>) -> bool,
    ) -> bool {
        let table = target.source.table;
        let world = self.world.read_as(target.role);
        let shows = |command: Command| world.shows(table, command, target.columns, row);
        if !commands.iter().all(|command| shows(*command)) || (target.needs_select && !shows(Command::Select))
        {
            return false;
        }
        let seen = world.masked(table, row);
        let current = self.world.with(table, &seen);
        let asked = current.read_as(target.condition_role);
        pass(target.source, &self.world.scene.views, &current)
            && target
                .condition
                .is_none_or(|condition| condition.truth(&asked) == Some(true))
            && and(&current)
    }

    /// What the rules of a table do for each row before the statement changes any: they read the rows, as the statement would.
    fn also(&mut self, target: &Target<'_>, event: Command) {
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

    fn also_inserted(&mut self, table: usize, rows: &[Row]) {
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
    fn fire(&mut self, is_before: bool, table: usize, event: Command, user: Role, mut row: Option<&mut Row>) {
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
    fn insert(&mut self, target: &Target<'_>, given: &Row, conflict: &Conflict) -> Result<(), &'static str> {
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
    fn change(&mut self, target: &Target<'_>, before: &Row, mut changed: Row) -> Result<(), &'static str> {
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

    fn replace(&mut self, table: usize, before: &Row, changed: Row, user: Role) {
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

    fn update(&mut self, target: &Target<'_>, set: &Set) {
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

    fn remove(&mut self, target: &Target<'_>, row: &Row) {
        let table = target.source.table;
        self.fire(true, table, Command::Delete, self.world.user, None);
        self.returned
            .push(self.world.read_as(target.role).masked(table, row));
        self.take(table, row, self.world.user);
    }

    fn take(&mut self, table: usize, row: &Row, user: Role) {
        self.data[table].retain(|known| known[0] != row[0]);
        self.events.push(Event {
            table,
            old: Some(row.clone()),
            new: None,
            user,
        });
    }

    /// Each key meets the row it can see; which refusal comes first depends on the plan.
    fn merge(
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

    /// What a rule does instead: as the owner, to the table, for each row that the statement finds in the view.
    fn instead(&mut self, rule: &Instead, statement: &Statement) {
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
    fn finish(&mut self) {
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

/// Whether one view stands between a statement and the table.
fn is_one_view(source: Source, views: &[View]) -> bool {
    source.view.is_some_and(|view| views[view].base.view.is_none())
}

/// The columns that a statement references: through a view every one.
fn columns(source: Source, named: Columns) -> Columns {
    if source.view.is_some() { ALL } else { named }
}

/// The columns that conditions of rules bring into the statement itself.
fn rule_columns(scene: &Scene, table: usize, event: Command, returns: bool) -> Columns {
    scene
        .rules(table, event)
        .filter(|(_, rule)| rule.returns() == returns)
        .filter_map(|(_, rule)| Some(rule.condition.as_ref()?.columns(table)))
        .fold(0, |all, part| all | part)
}

fn key(row: &Row) -> String {
    row[0].as_ref().map_or_else(|| "~".to_owned(), Value::text)
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
