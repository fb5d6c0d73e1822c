//! What a subject may see and write: the meaning of policies, in memory.

use super::expression::{ALL, Columns};
use super::native;
use super::scene::{Command, Scene, Subject};
use super::value::Datum;
use super::view::Source;

/// A row: its key and the other columns.
pub type Row = Vec<Datum>;

/// Tables of a scene.
pub const TABLES: usize = 3;

/// Rows by table.
pub type Data = [Vec<Row>; TABLES];

/// A role of the database that reads or writes. Policies of ours do not tell them apart, native ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The run-time role, which sends the statements.
    User,
    /// The owner of the tables, views, rules and trigger functions.
    Owner,
}

/// Everything a condition can read.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Policies.
    pub scene: &'a Scene,
    /// Rows, as they are read now.
    pub data: &'a Data,
    /// Whose session is attached.
    pub subject: Option<&'a Subject>,
    /// The row that met a conflict.
    pub excluded: Option<&'a Row>,
    /// The role that runs the code.
    pub user: Role,
    /// The role that tables are read as: the owner's behind a view or rule of his.
    pub role: Role,
    rows: [Option<&'a Row>; TABLES],
}

/// Refusal of PostgreSQL's own row security.
pub const ROW_SECURITY: &str = "42501";
/// Refusal of a policy of ours.
pub const POLICY: &str = "44000";
/// Refusal of the check option of a view.
pub const CHECK_OPTION: &str = "44000";
/// Row that met a conflict and is not in the view.
pub const VIEW_CONFLICT: &str = "55000";
/// Refusal to change a value that is not seen.
pub const MASKED: &str = "42501";
/// Key that exists.
pub const UNIQUE: &str = "23505";
/// Key that is referred to, or that does not exist.
pub const FOREIGN_KEY: &str = "23503";

impl<'a> World<'a> {
    /// Without any current row, for the run-time role.
    #[must_use]
    pub fn new(scene: &'a Scene, data: &'a Data, subject: Option<&'a Subject>) -> Self {
        Self {
            scene,
            data,
            subject,
            excluded: None,
            user: Role::User,
            role: Role::User,
            rows: [None; TABLES],
        }
    }

    /// Without current rows.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            excluded: None,
            rows: [None; TABLES],
            ..*self
        }
    }

    /// With tables read as a role.
    #[must_use]
    pub fn read_as(&self, role: Role) -> Self {
        Self { role, ..*self }
    }

    /// With code run by a role.
    #[must_use]
    pub fn run_as(&self, role: Role) -> Self {
        Self {
            user: role,
            role,
            ..*self
        }
    }

    /// The current row of a table.
    #[must_use]
    pub fn row(&self, table: usize) -> Option<&'a Row> {
        self.rows[table]
    }

    /// With a current row of a table.
    #[must_use]
    pub fn with<'b>(&self, table: usize, row: &'b Row) -> World<'b>
    where
        'a: 'b,
    {
        let mut world: World<'b> = *self;
        world.rows[table] = Some(row);
        world
    }

    /// The rows that may be read where these columns are referenced, as they look to the subject. A view references every column.
    pub fn visible(&self, source: Source, columns: Columns) -> Box<dyn Iterator<Item = Row> + 'a> {
        let (world, table) = (*self, source.table);
        match source.view {
            None => Box::new(
                self.data[table]
                    .iter()
                    .filter(move |row| world.shows(table, Command::Select, columns, row))
                    .map(move |row| world.masked(table, row)),
            ),
            Some(view) => {
                let view = &self.scene.views[view];
                let base = self.read_as(view.role(self.user)).visible(view.base, ALL);
                Box::new(base.filter(move |row| view.shows(&world.bare().with(table, row))))
            }
        }
    }

    /// A row with masks in place of the values that the subject may not see in it.
    #[must_use]
    pub fn masked(&self, table: usize, row: &Row) -> Row {
        let mut seen = row.clone();
        for mask in self.scene.masks(table) {
            if !self.is_seen(mask.column, table, row) {
                seen[mask.column].clone_from(&mask.value);
            }
        }
        seen
    }

    /// Whether the subject sees the value of a column in a row. What a mask asks, it asks of the values.
    #[must_use]
    pub fn is_seen(&self, column: usize, table: usize, row: &Row) -> bool {
        let world = self.bare();
        let world = world.with(table, row);
        self.scene
            .masks(table)
            .filter(|mask| mask.column == column)
            .all(|mask| mask.visible.truth(&world) == Some(true))
    }

    /// Whether a row that exists satisfies what a command asks of it. What a policy says does not depend on the rows around.
    #[must_use]
    pub fn shows(&self, table: usize, command: Command, columns: Columns, row: &Row) -> bool {
        let world = self.bare();
        let world = world.with(table, row);
        let is_open = !self.scene.is_protected(table) || self.subject.is_some();
        let policies = self.scene.policies(table, command, columns, self.subject);
        is_open
            && native::permit(&self.scene.natives, table, command, false, &world)
            && policies.into_iter().all(|policy| policy.holds(&world))
    }

    /// Why a new row is refused, if it is: the native policies are asked first; a policy without update_check lets it pass.
    #[must_use]
    pub fn refuses(
        &self,
        table: usize,
        command: Command,
        columns: Columns,
        row: &Row,
    ) -> Option<&'static str> {
        let world = self.bare();
        let world = world.with(table, row);
        if !native::permit(&self.scene.natives, table, command, true, &world) {
            return Some(ROW_SECURITY);
        }
        let policies = self.scene.policies(table, command, columns, self.subject);
        let is_allowed = policies
            .into_iter()
            .all(|policy| !policy.is_checked || policy.holds(&world));
        (!is_allowed).then_some(POLICY)
    }
}
