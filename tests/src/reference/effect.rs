//! What happens beside a statement: rules of tables, row triggers and referential actions. All of them write what they see into one
//! log, which nothing protects.

use super::evaluation::{Row, TABLES, World};
use super::expression::{Columns, Condition, name};
use super::random::Random;
use super::scene::{Command, Scene, text};
use super::value::{Datum, Type, Value, sql};
use super::view::Source;

/// A query whose lines go to the log.
#[derive(Debug, Clone)]
pub struct Read {
    /// What it reads.
    pub source: Source,
    columns: Columns,
    condition: Option<Condition>,
}

impl Read {
    /// A query over one table.
    pub fn new(source: Source, columns: Columns, condition: Option<Condition>) -> Self {
        Self {
            source,
            columns,
            condition,
        }
    }

    /// What it gives in a world, in order.
    #[must_use]
    pub fn lines(&self, world: &World<'_>) -> Vec<String> {
        let table = self.source.table;
        let world = world.bare();
        let asked = self
            .condition
            .as_ref()
            .map_or(0, |condition| condition.columns(table));
        let mut lines: Vec<String> = world
            .visible(self.source, self.columns | asked)
            .filter(|row| {
                self.condition
                    .as_ref()
                    .is_none_or(|condition| condition.truth(&world.with(table, row)) == Some(true))
            })
            .map(|row| text(&row, self.columns))
            .collect();
        lines.sort();
        lines
    }

    fn sql(&self, scene: &Scene) -> String {
        let condition = self.condition.as_ref().map_or(String::new(), |condition| {
            format!(" WHERE {}", condition.sql(&scene.schema))
        });
        format!(
            "SELECT array_to_string(ARRAY[{}], '|', '~') AS line FROM {}{condition}",
            scene.text_sql(self.source.table, self.columns),
            self.source.sql(&scene.schema)
        )
    }
}

/// What a rule of a table does; its condition is about the old row, or the new one of an INSERT.
#[derive(Debug, Clone)]
pub enum Action {
    /// For each row, what it reads goes to the log.
    Also(Read),
    /// The statement leaves the row alone.
    Nothing,
}

/// A rule of a table.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Number of the table.
    pub table: usize,
    /// The command it is about.
    pub event: Command,
    /// The rows it is about.
    pub condition: Option<Condition>,
    /// What it does.
    pub action: Action,
}

impl Rule {
    /// Whether a statement may have RETURNING beside it.
    #[must_use]
    pub fn returns(&self) -> bool {
        matches!(self.action, Action::Also(_))
    }

    /// Whether it is about a row, which stands in the world as the statement sees it.
    #[must_use]
    pub fn is_about(&self, world: &World<'_>) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.truth(world) == Some(true))
    }

    /// The rule, which belongs to the owner of the table.
    #[must_use]
    pub fn sql(&self, number: usize, scene: &Scene) -> String {
        let (schema, table, event) = (&scene.schema, self.table, self.event.sql());
        let row = if self.event == Command::Insert {
            "new"
        } else {
            "old"
        };
        // Names of columns are unique, and no literal has a dot.
        let condition = self.condition.as_ref().map_or(String::new(), |condition| {
            let text = condition
                .sql(schema)
                .replace(&format!("t{table}."), &format!("{row}."));
            format!(" WHERE {text}")
        });
        let action = match &self.action {
            Action::Nothing => "INSTEAD NOTHING".to_owned(),
            Action::Also(read) => format!(
                "ALSO INSERT INTO {schema}.log SELECT 'r{number}|' || {row}.{} || '|' || q.line FROM ({}) q",
                name(table, 0),
                read.sql(scene)
            ),
        };
        format!("CREATE RULE r{number} AS ON {event} TO {schema}.t{table}{condition} DO {action};\n")
    }

    /// The control: the server forgets it.
    #[must_use]
    pub fn sabotage(&self, number: usize, schema: &str) -> String {
        format!("DROP RULE r{number} ON {schema}.t{};\n", self.table)
    }
}

/// A row trigger that writes what it reads into the log, and may set a column.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Number of the table.
    pub table: usize,
    /// Whether it fires before the row is written.
    pub is_before: bool,
    /// What it fires for.
    pub events: Vec<Command>,
    /// Whether its function runs as its owner.
    pub is_definer: bool,
    /// What it reads.
    pub read: Read,
    /// What it puts into new rows.
    pub set: Option<(usize, Type, Datum)>,
}

impl Trigger {
    /// The trigger and its function.
    #[must_use]
    pub fn sql(&self, number: usize, scene: &Scene) -> String {
        let (schema, table) = (&scene.schema, self.table);
        let set = self.set.as_ref().map_or(String::new(), |(column, kind, datum)| {
            format!("new.{} := {};", name(table, *column), sql(datum, *kind))
        });
        let rights = if self.is_definer { "DEFINER" } else { "INVOKER" };
        let time = if self.is_before { "BEFORE" } else { "AFTER" };
        let events: Vec<&str> = self.events.iter().map(|event| event.sql()).collect();
        format!(
            "CREATE FUNCTION {schema}.g{number}() RETURNS trigger LANGUAGE plpgsql SECURITY {rights} AS $g$BEGIN
                 INSERT INTO {schema}.log SELECT 'g{number}|' || lower(tg_op) || '|' || coalesce(string_agg(q.line, ',' ORDER BY q.line COLLATE \"C\"), '') FROM ({}) q;
                 IF tg_op = 'DELETE' THEN RETURN old; END IF; {set} RETURN new; END$g$;
             ALTER FUNCTION {schema}.g{number} OWNER TO app_owner;
             CREATE TRIGGER g{number} {time} {} ON {schema}.t{table} FOR EACH ROW EXECUTE FUNCTION {schema}.g{number}();\n",
            self.read.sql(scene),
            events.join(" OR ")
        )
    }

    /// What it writes into the log.
    #[must_use]
    pub fn line(&self, number: usize, event: Command, world: &World<'_>) -> String {
        format!("g{number}|{}|{}", event.sql(), self.read.lines(world).join(","))
    }

    /// The control: on the server its function reads past policies.
    #[must_use]
    pub fn sabotage(number: usize, schema: &str) -> String {
        format!(
            "ALTER FUNCTION {schema}.g{number} OWNER TO postgres; ALTER FUNCTION {schema}.g{number} SECURITY DEFINER;\n"
        )
    }
}

/// What happens to rows that refer to a row which goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referential {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl Referential {
    const ALL: [Self; 5] = [
        Self::NoAction,
        Self::Restrict,
        Self::Cascade,
        Self::SetNull,
        Self::SetDefault,
    ];

    fn sql(self) -> &'static str {
        ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"][self as usize]
    }
}

/// The table whose last column refers to another: the first, so that nothing else reads it in the middle of a statement.
pub const CHILD: usize = 0;

/// A foreign key, which a superuser made.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    /// The column of the child.
    pub column: usize,
    /// The table that is referred to.
    pub parent: usize,
    /// When a row of it is deleted.
    pub on_delete: Referential,
    /// When its key changes.
    pub on_update: Referential,
    /// What SET DEFAULT sets.
    pub default: Datum,
}

impl ForeignKey {
    /// Some foreign key over a column.
    pub fn random(column: usize, random: &mut Random) -> Self {
        let actions = Referential::ALL;
        // What changes rows is what is looked for.
        let action = |random: &mut Random| match random.below(4) {
            0 => *random.pick(&actions),
            _ => *random.pick(&actions[2..]),
        };
        let default = i64::try_from(random.between(1, 3)).unwrap_or(1);
        Self {
            column,
            parent: random.between(1, TABLES - 1),
            on_delete: action(random),
            on_update: action(random),
            default: random.chance(70).then_some(Value::Int(default)),
        }
    }

    /// A key of a row of the parent, or NULL.
    pub fn datum(&self, parents: &[Row], random: &mut Random) -> Datum {
        if random.chance(20) {
            return None;
        }
        random.pick(parents)[0].clone()
    }

    /// For a superuser.
    #[must_use]
    pub fn sql(&self, schema: &str) -> String {
        let (column, key) = (name(CHILD, self.column), name(self.parent, 0));
        format!(
            "ALTER TABLE {schema}.t{CHILD} ALTER {column} SET DEFAULT {};
             ALTER TABLE {schema}.t{CHILD} ADD CONSTRAINT reference FOREIGN KEY ({column}) REFERENCES {schema}.t{} ({key})
                 ON DELETE {} ON UPDATE {};\n",
            sql(&self.default, Type::Int),
            self.parent,
            self.on_delete.sql(),
            self.on_update.sql()
        )
    }

    /// The control: the server forgets it.
    #[must_use]
    pub fn sabotage(schema: &str) -> String {
        format!("ALTER TABLE {schema}.t{CHILD} DROP CONSTRAINT reference;\n")
    }
}
