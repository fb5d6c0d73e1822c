//! Random statements, and how SQL writes them.

use super::evaluation::{Row, TABLES};
use super::expression::{ALL, Columns, Condition, Scalar, name};
use super::generation::Generator;
use super::random::Random;
use super::scene::{Command, Scene};
use super::value::Type;
use super::view::Source;

/// A column that is set, and to what.
pub(super) type Set = Vec<(usize, Scalar)>;

/// How a query is wrapped, which decides where its plan is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Plain,
    Cte,
    SubSelect,
    PlPgSql,
}

#[derive(Debug, Clone)]
pub(super) enum Output {
    /// All columns of the first table that the set names, and of the second.
    Rows(Columns),
    Count,
    Groups(usize),
}

/// What INSERT does with a key that exists.
#[derive(Debug, Clone)]
pub(super) enum Conflict {
    Raise,
    Skip { has_target: bool },
    Update(Set, Option<Condition>),
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Update(Set),
    Delete,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Select {
        sources: Vec<Source>,
        condition: Option<Condition>,
        output: Output,
        form: Form,
    },
    Insert {
        rows: Vec<Row>,
        conflict: Conflict,
    },
    Update {
        set: Set,
        condition: Option<Condition>,
    },
    Delete {
        condition: Option<Condition>,
    },
    Merge {
        keys: Vec<i64>,
        matched: Vec<(Option<Condition>, Action)>,
        new_row: Option<Row>,
    },
}

/// A statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it reads first or writes.
    pub source: Source,
    pub(super) kind: Kind,
    pub(super) is_returning: bool,
}

impl Statement {
    /// A query.
    pub fn select(scene: &Scene, random: &mut Random) -> Self {
        let first = random.below(TABLES);
        let mut tables = vec![first];
        if random.chance(30) {
            tables.push((first + random.between(1, TABLES - 1)) % TABLES);
        }
        let condition = condition(scene, &tables, random, 75);
        let sources: Vec<Source> = tables
            .iter()
            .map(|table| Source::random(*table, &scene.views, 35, random))
            .collect();
        let output = match random.below(5) {
            0 => Output::Count,
            1 => Output::Groups(random.below(scene.columns[first].len())),
            _ => Output::Rows(
                1 << random.below(scene.columns[first].len()) | 1 << random.below(scene.columns[first].len()),
            ),
        };
        let form = *random.pick(&[
            Form::Plain,
            Form::Plain,
            Form::Cte,
            Form::SubSelect,
            Form::PlPgSql,
        ]);
        let source = sources[0];
        let kind = Kind::Select {
            sources,
            condition,
            output,
            form,
        };
        Self {
            source,
            kind,
            is_returning: false,
        }
    }

    /// A statement that writes.
    pub fn write(scene: &Scene, random: &mut Random) -> Self {
        let mut table = random.below(TABLES);
        // What is done to a table that is referred to does more.
        if let Some(reference) = &scene.foreign_key
            && random.chance(25)
        {
            table = reference.parent;
        }
        let source = Source::random(table, &scene.views, 45, random);
        // PostgreSQL has no ON CONFLICT and no MERGE where rules stand, and no MERGE for views.
        let has_rules = scene.has_rules(table)
            || source
                .view
                .is_some_and(|view| !scene.views[view].instead.is_empty());
        let mut keys: Vec<i64> = (1..=18).collect();
        let count = random.between(1, 3);
        let keys: Vec<i64> = (0..count)
            .map(|_| keys.swap_remove(random.below(keys.len())))
            .collect();
        let is_parent = scene.is_parent(table);
        let last = if source.view.is_some() || has_rules { 8 } else { 10 };
        let kind = match random.below(last) {
            0..=3 if !is_parent || random.chance(40) => {
                let rows = keys.iter().map(|key| scene.row(table, *key, random)).collect();
                let conflict = match random.below(4) {
                    _ if has_rules => Conflict::Raise,
                    0 => Conflict::Skip {
                        has_target: random.chance(50),
                    },
                    1 => {
                        let set = set(scene, table, random, true);
                        Conflict::Update(set, condition(scene, &[table], random, 30))
                    }
                    _ => Conflict::Raise,
                };
                Kind::Insert { rows, conflict }
            }
            4..=6 => Kind::Update {
                set: if is_parent && random.chance(45) {
                    vec![(0, moved_key(table))]
                } else {
                    set(scene, table, random, false)
                },
                condition: condition(scene, &[table], random, 75),
            },
            0..=3 | 7 => Kind::Delete {
                condition: condition(scene, &[table], random, 75),
            },
            _ => {
                let action = |random: &mut Random| {
                    if random.chance(60) {
                        Action::Update(set(scene, table, random, false))
                    } else {
                        Action::Delete
                    }
                };
                let mut matched = vec![(condition(scene, &[table], random, 60), action(random))];
                if random.chance(40) {
                    matched.insert(0, (condition(scene, &[table], random, 100), action(random)));
                }
                // A branch without a condition ends the list.
                if matched.len() == 2 && matched[0].0.is_none() {
                    matched.truncate(1);
                }
                // An action that makes rows references every column, so that policies about some columns apply as well.
                let new_row =
                    (scene.has_relevant(table) || random.chance(60)).then(|| scene.row(table, 0, random));
                Kind::Merge {
                    keys,
                    matched,
                    new_row,
                }
            }
        };
        let mut statement = Self {
            source,
            kind,
            is_returning: false,
        };
        // Nor RETURNING where a rule may do nothing instead.
        let may_return = statement
            .event()
            .is_some_and(|event| scene.rules(table, event).all(|(_, rule)| rule.returns()));
        statement.is_returning = may_return && random.chance(50);
        statement
    }

    /// The command that rules may be about.
    #[must_use]
    pub fn event(&self) -> Option<Command> {
        match &self.kind {
            Kind::Insert { .. } => Some(Command::Insert),
            Kind::Update { .. } => Some(Command::Update),
            Kind::Delete { .. } => Some(Command::Delete),
            Kind::Select { .. } | Kind::Merge { .. } => None,
        }
    }

    /// Whether it makes new rows, which without a session is refused in more than one way.
    #[must_use]
    pub fn may_insert(&self) -> bool {
        matches!(self.kind, Kind::Insert { .. } | Kind::Merge { .. })
    }

    /// Whether PREPARE is tried on it.
    #[must_use]
    pub fn is_preparable(&self) -> bool {
        !matches!(self.kind, Kind::Merge { .. })
    }

    /// As SQL.
    #[must_use]
    pub fn sql(&self, scene: &Scene) -> String {
        let schema = &scene.schema;
        let table = self.source.table;
        let place = self.source.sql(schema);
        let condition_sql = |condition: &Option<Condition>, before: &str| {
            condition.as_ref().map_or(String::new(), |condition| {
                format!(" {before} ({})", condition.sql(schema))
            })
        };
        let returning = if self.is_returning {
            format!(
                " RETURNING array_to_string(ARRAY[{}], '|', '~')",
                scene.text_sql(table, ALL)
            )
        } else {
            String::new()
        };
        match &self.kind {
            Kind::Select {
                sources,
                condition,
                output,
                form,
            } => {
                let from: Vec<String> = sources.iter().map(|source| source.sql(schema)).collect();
                let (output, group) = match output {
                    Output::Rows(columns) => {
                        let first = scene.text_sql(table, *columns);
                        let second = sources.get(1).map(|second| scene.text_sql(second.table, ALL));
                        let texts: Vec<String> = std::iter::once(first).chain(second).collect();
                        (texts.join(", "), String::new())
                    }
                    Output::Count => (
                        format!("count(*)::text, min({})::text", name(table, 0)),
                        String::new(),
                    ),
                    Output::Groups(column) => {
                        let column = name(table, *column);
                        (
                            format!("{column}::text, count(*)::text"),
                            format!(" GROUP BY {column}"),
                        )
                    }
                };
                let query = format!(
                    "SELECT array_to_string(ARRAY[{output}], '|', '~') AS line FROM {}{}{group}",
                    from.join(", "),
                    condition_sql(condition, "WHERE")
                );
                match form {
                    Form::Plain => query,
                    Form::Cte => format!("WITH q AS MATERIALIZED ({query}) SELECT line FROM q"),
                    Form::SubSelect => format!("SELECT line FROM ({query} OFFSET 0) q"),
                    Form::PlPgSql => format!("SELECT * FROM {schema}.rows($q${query}$q$)"),
                }
            }
            Kind::Insert { rows, conflict } => {
                let rows: Vec<String> = rows
                    .iter()
                    .map(|row| format!("({})", scene.row_sql(table, row)))
                    .collect();
                let conflict = match conflict {
                    Conflict::Raise => String::new(),
                    Conflict::Skip { has_target: false } => " ON CONFLICT DO NOTHING".to_owned(),
                    Conflict::Skip { has_target: true } => {
                        format!(" ON CONFLICT ({}) DO NOTHING", name(table, 0))
                    }
                    Conflict::Update(set, condition) => format!(
                        " ON CONFLICT ({}) DO UPDATE SET {}{}",
                        name(table, 0),
                        set_sql(table, set),
                        condition_sql(condition, "WHERE")
                    ),
                };
                format!(
                    "INSERT INTO {place} VALUES {}{conflict}{returning}",
                    rows.join(", ")
                )
            }
            Kind::Update { set, condition } => format!(
                "UPDATE {place} SET {}{}{returning}",
                set_sql(table, set),
                condition_sql(condition, "WHERE")
            ),
            Kind::Delete { condition } => {
                format!(
                    "DELETE FROM {place}{}{returning}",
                    condition_sql(condition, "WHERE")
                )
            }
            Kind::Merge {
                keys,
                matched,
                new_row,
            } => {
                let keys: Vec<String> = keys.iter().map(|key| format!("({key})")).collect();
                let mut merge = format!(
                    "MERGE INTO {place} USING (VALUES {}) AS s (s_key) ON s_key = {}",
                    keys.join(", "),
                    name(table, 0)
                );
                for (condition, action) in matched {
                    let action = match action {
                        Action::Update(set) => format!("UPDATE SET {}", set_sql(table, set)),
                        Action::Delete => "DELETE".to_owned(),
                    };
                    merge += &format!(" WHEN MATCHED{} THEN {action}", condition_sql(condition, "AND"));
                }
                if let Some(row) = new_row {
                    let values = scene.row_sql(table, row);
                    let others = values.split_once(", ").map_or("", |(_, others)| others);
                    merge += &format!(" WHEN NOT MATCHED THEN INSERT VALUES (s_key, {others})");
                }
                merge
            }
        }
    }
}

fn condition(scene: &Scene, scope: &[usize], random: &mut Random, percent: usize) -> Option<Condition> {
    let all: Vec<usize> = (0..TABLES).collect();
    random.chance(percent).then(|| {
        Generator::new(&scene.columns, &scene.views, &all, random)
            .with_sealed()
            .condition(scope, 2)
    })
}

/// Another key, which no row has.
fn moved_key(table: usize) -> Scalar {
    let key = Scalar::Column {
        table,
        column: 0,
        kind: Type::Int,
    };
    Scalar::Plus(Box::new(key), 50)
}

fn set(scene: &Scene, table: usize, random: &mut Random, has_excluded: bool) -> Set {
    let column = random.between(1, scene.columns[table].len() - 1);
    let kind = scene.columns[table][column];
    let scalar = if has_excluded && random.chance(50) {
        Scalar::Excluded { table, column, kind }
    } else if has_excluded || random.chance(50) {
        Scalar::Literal(kind, kind.datum(random))
    } else {
        Generator::new(&scene.columns, &scene.views, &[], random)
            .with_sealed()
            .scalar(&[table], kind)
    };
    vec![(column, scalar)]
}

fn set_sql(table: usize, set: &Set) -> String {
    let parts: Vec<String> = set
        .iter()
        .map(|(column, scalar)| format!("{} = {}", name(table, *column), scalar.sql()))
        .collect();
    parts.join(", ")
}
