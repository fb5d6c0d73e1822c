//! What a statement that writes leaves behind, with the rules, triggers and referential actions that it sets off.

mod consequence;
mod row;

use self::consequence::rule_columns;
use self::row::apply;
use super::evaluation::{Data, Role, Row, World};
use super::expression::{ALL, Columns, Condition};
use super::scene::{Command, Scene, text};
use super::statement::{Conflict, Kind, Set, Statement};
use super::view::{Instead, Source, View, base_role, pass};

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
}

/// Whether one view stands between a statement and the table.
fn is_one_view(source: Source, views: &[View]) -> bool {
    source.view.is_some_and(|view| views[view].base.view.is_none())
}

/// The columns that a statement references: through a view every one.
fn columns(source: Source, named: Columns) -> Columns {
    if source.view.is_some() { ALL } else { named }
}
