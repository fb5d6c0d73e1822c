//! What a subject may see and write: the meaning of policies, in memory.

use super::expression::Columns;
use super::scene::{Command, Scene, Subject};
use super::value::Datum;

/// A row: its key and the other columns.
pub type Row = Vec<Datum>;

/// Tables of a scene.
pub const TABLES: usize = 3;

/// Everything a condition can read.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Policies.
    pub scene: &'a Scene,
    /// Rows by table, when the statement began.
    pub data: &'a [Vec<Row>; TABLES],
    /// Whose session is attached.
    pub subject: Option<&'a Subject>,
    /// The row that met a conflict.
    pub excluded: Option<&'a Row>,
    rows: [Option<&'a Row>; TABLES],
}

/// Refusal of PostgreSQL's own row security.
pub const ROW_SECURITY: &str = "42501";
/// Refusal of a policy of ours.
pub const POLICY: &str = "44000";
/// Refusal to change a value that is not seen.
pub const MASKED: &str = "42501";
/// Key that exists.
pub const UNIQUE: &str = "23505";

impl<'a> World<'a> {
    /// Without any current row.
    #[must_use]
    pub fn new(scene: &'a Scene, data: &'a [Vec<Row>; TABLES], subject: Option<&'a Subject>) -> Self {
        Self {
            scene,
            data,
            subject,
            excluded: None,
            rows: [None; TABLES],
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

    /// The rows of a table that may be read where these columns are referenced, as they look to the subject.
    pub fn visible(&self, table: usize, columns: Columns) -> impl Iterator<Item = Row> {
        let world = *self;
        self.data[table]
            .iter()
            .filter(move |row| world.shows(table, Command::Select, columns, row))
            .map(move |row| world.masked(table, row))
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
        let world = World::new(self.scene, self.data, self.subject);
        let world = world.with(table, row);
        self.scene
            .masks(table)
            .filter(|mask| mask.column == column)
            .all(|mask| mask.visible.truth(&world) == Some(true))
    }

    /// Whether a row that exists satisfies what a command asks of it. What a policy says does not depend on the rows around.
    #[must_use]
    pub fn shows(&self, table: usize, command: Command, columns: Columns, row: &Row) -> bool {
        let world = World::new(self.scene, self.data, self.subject);
        let world = world.with(table, row);
        let is_open = !self.scene.is_protected(table) || self.subject.is_some();
        let natives = self.scene.natives(table, command);
        let policies = self.scene.policies(table, command, columns, self.subject);
        is_open
            && natives
                .into_iter()
                .all(|native| native.condition.truth(&world) == Some(true))
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
        let world = World::new(self.scene, self.data, self.subject);
        let world = world.with(table, row);
        let natives = self.scene.natives(table, command);
        if !natives
            .into_iter()
            .all(|native| native.condition.truth(&world) == Some(true))
        {
            return Some(ROW_SECURITY);
        }
        let policies = self.scene.policies(table, command, columns, self.subject);
        let is_allowed = policies
            .into_iter()
            .all(|policy| !policy.is_checked || policy.holds(&world));
        (!is_allowed).then_some(POLICY)
    }
}
