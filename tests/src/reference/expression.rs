//! Conditions over the columns of a scene: as SQL, and evaluated here with three-valued logic.

use std::cmp::Ordering;

use super::evaluation::World;
use super::value::{Datum, Truth, Type, Value, and, compare, not, sql};
use super::view::Source;

/// A set of columns of a table, a bit for each.
pub type Columns = u32;

/// Every column.
pub const ALL: Columns = Columns::MAX;

/// Something that has a value.
#[derive(Debug, Clone)]
pub enum Scalar {
    /// A column; names are unique in a scene.
    Column {
        /// Number of the table.
        table: usize,
        /// Number of the column.
        column: usize,
        /// Its type.
        kind: Type,
    },
    /// The column of the row that met a conflict.
    Excluded {
        /// Number of the table.
        table: usize,
        /// Number of the column.
        column: usize,
        /// Its type.
        kind: Type,
    },
    /// A literal.
    Literal(Type, Datum),
    /// The session attribute of a type.
    Attribute(Type),
    /// The name of the session's user.
    UserName,
    /// The first that is not NULL.
    Coalesce(Box<Self>, Box<Self>),
    /// A number above another.
    Plus(Box<Self>, i64),
}

/// Operators.
pub const OPERATORS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

/// Something that is true, false or unknown. The flag `is_not` negates a form in its own spelling.
#[derive(Debug, Clone)]
pub enum Condition {
    Constant(Truth),
    Compare(&'static str, Scalar, Scalar),
    In(Scalar, Vec<Datum>, bool),
    AnyOfList(Scalar),
    IsNull(Scalar, bool),
    IsDistinct(Scalar, Scalar, bool),
    Between(Scalar, Scalar, Scalar, bool),
    StartsWith(Scalar, String, bool),
    IsTruth(Box<Self>, Truth, bool),
    Flag(Scalar),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Case(Vec<(Self, Self)>, Option<Box<Self>>),
    InRole(Vec<&'static str>, bool),
    HasPrivilege(&'static str),
    IsAuthenticated,
    Exists {
        source: Source,
        condition: Box<Self>,
        is_not: bool,
    },
    InSelect {
        scalar: Scalar,
        source: Source,
        column: usize,
        condition: Box<Self>,
        is_not: bool,
    },
}

impl Scalar {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Type {
        match self {
            Self::Column { kind, .. } | Self::Excluded { kind, .. } => *kind,
            Self::Literal(kind, _) | Self::Attribute(kind) => *kind,
            Self::UserName => Type::Text,
            Self::Coalesce(first, _) | Self::Plus(first, _) => first.kind(),
        }
    }

    /// As SQL.
    #[must_use]
    pub fn sql(&self) -> String {
        match self {
            Self::Column { table, column, .. } => format!("t{table}.{}", name(*table, *column)),
            Self::Excluded { table, column, .. } => format!("excluded.{}", name(*table, *column)),
            Self::Literal(kind, datum) => sql(datum, *kind),
            Self::Attribute(kind) => format!("vpd.attribute('app', '{}')::{}", kind.attribute(), kind.sql()),
            Self::UserName => "vpd.user_name()".to_owned(),
            Self::Coalesce(first, second) => format!("coalesce({}, {})", first.sql(), second.sql()),
            Self::Plus(first, second) => format!("{} + {second}", first.sql()),
        }
    }

    /// Its value.
    #[must_use]
    pub fn value(&self, world: &World<'_>) -> Datum {
        match self {
            Self::Column { table, column, .. } => world.row(*table).and_then(|row| row[*column].clone()),
            Self::Excluded { column, .. } => world.excluded.and_then(|row| row[*column].clone()),
            Self::Literal(_, datum) => datum.clone(),
            Self::Attribute(kind) => world.subject.and_then(|subject| subject.attribute(*kind)),
            Self::UserName => world.subject.map(|subject| Value::Text(subject.name.clone())),
            Self::Coalesce(first, second) => first.value(world).or_else(|| second.value(world)),
            Self::Plus(first, second) => match first.value(world) {
                Some(Value::Int(first)) => Some(Value::Int(first + second)),
                _ => None,
            },
        }
    }

    /// The columns of a table that it reads.
    #[must_use]
    pub fn columns(&self, wanted: usize) -> Columns {
        match self {
            Self::Column { table, column, .. } if *table == wanted => 1 << *column,
            Self::Coalesce(first, second) => first.columns(wanted) | second.columns(wanted),
            Self::Plus(first, _) => first.columns(wanted),
            _ => 0,
        }
    }
}

/// Name of a column.
#[must_use]
pub fn name(table: usize, column: usize) -> String {
    if column == 0 {
        format!("id{table}")
    } else {
        format!("c{table}_{column}")
    }
}

impl Condition {
    /// As SQL; `schema` is where the tables are.
    #[must_use]
    pub fn sql(&self, schema: &str) -> String {
        let negation = |is_not: &bool| if *is_not { "NOT " } else { "" };
        match self {
            Self::Constant(truth) => truth_sql(*truth, "NULL::boolean").to_owned(),
            Self::Compare(operator, left, right) => format!("{} {operator} {}", left.sql(), right.sql()),
            Self::In(scalar, list, is_not) => {
                let list: Vec<String> = list.iter().map(|datum| sql(datum, scalar.kind())).collect();
                format!("{} {}IN ({})", scalar.sql(), negation(is_not), list.join(", "))
            }
            Self::AnyOfList(scalar) => format!(
                "{} = ANY (vpd.attribute_list('app', '{}')::{}[])",
                scalar.sql(),
                scalar.kind().attribute(),
                scalar.kind().sql()
            ),
            Self::IsNull(scalar, is_not) => format!("{} IS {}NULL", scalar.sql(), negation(is_not)),
            Self::IsDistinct(left, right, is_not) => {
                format!(
                    "{} IS {}DISTINCT FROM {}",
                    left.sql(),
                    negation(is_not),
                    right.sql()
                )
            }
            Self::Between(scalar, low, high, is_not) => format!(
                "{} {}BETWEEN {} AND {}",
                scalar.sql(),
                negation(is_not),
                low.sql(),
                high.sql()
            ),
            Self::StartsWith(scalar, prefix, is_not) => {
                let pattern: String = prefix
                    .chars()
                    .flat_map(|letter| match letter {
                        '%' | '_' | '\\' => vec!['\\', letter],
                        _ => vec![letter],
                    })
                    .collect();
                let pattern = Value::Text(format!("{pattern}%")).sql();
                format!("{} {}LIKE {pattern}", scalar.sql(), negation(is_not))
            }
            Self::IsTruth(condition, truth, is_not) => format!(
                "({}) IS {}{}",
                condition.sql(schema),
                negation(is_not),
                truth_sql(*truth, "UNKNOWN").to_uppercase()
            ),
            Self::Flag(scalar) => scalar.sql(),
            Self::And(parts) => join(parts, " AND ", schema),
            Self::Or(parts) => join(parts, " OR ", schema),
            Self::Not(condition) => format!("NOT ({})", condition.sql(schema)),
            Self::Case(branches, otherwise) => {
                let mut text = "CASE".to_owned();
                for (when, then) in branches {
                    text += &format!(" WHEN {} THEN ({})", when.sql(schema), then.sql(schema));
                }
                if let Some(otherwise) = otherwise {
                    text += &format!(" ELSE ({})", otherwise.sql(schema));
                }
                text + " END"
            }
            Self::InRole(roles, is_all) => {
                let roles: Vec<String> = roles.iter().map(|role| format!("'{role}'")).collect();
                let function = if *is_all {
                    "user_in_all_roles"
                } else {
                    "user_in_role"
                };
                format!("vpd.{function}({})", roles.join(", "))
            }
            Self::HasPrivilege(privilege) => format!("vpd.has_privilege('{privilege}')"),
            Self::IsAuthenticated => "vpd.is_authenticated()".to_owned(),
            Self::Exists {
                source,
                condition,
                is_not,
            } => format!(
                "{}EXISTS (SELECT FROM {} WHERE {})",
                negation(is_not),
                source.sql(schema),
                condition.sql(schema)
            ),
            Self::InSelect {
                scalar,
                source,
                column,
                condition,
                is_not,
            } => format!(
                "{} {}IN (SELECT {} FROM {} WHERE {})",
                scalar.sql(),
                negation(is_not),
                name(source.table, *column),
                source.sql(schema),
                condition.sql(schema)
            ),
        }
    }

    /// Its truth in a world.
    #[must_use]
    pub fn truth(&self, world: &World<'_>) -> Truth {
        let negate = |truth: Truth, is_not: bool| if is_not { not(truth) } else { truth };
        match self {
            Self::Constant(truth) => *truth,
            Self::Compare(operator, left, right) => {
                compare(&left.value(world), &right.value(world)).map(|order| holds(operator, order))
            }
            Self::In(scalar, list, is_not) => negate(is_in(&scalar.value(world), list), *is_not),
            Self::AnyOfList(scalar) => {
                let list = world.subject?.attribute_list(scalar.kind().plain())?;
                is_in(&scalar.value(world), &list)
            }
            Self::IsNull(scalar, is_not) => Some(scalar.value(world).is_none() != *is_not),
            Self::IsDistinct(left, right, is_not) => {
                Some((left.value(world) != right.value(world)) != *is_not)
            }
            Self::Between(scalar, low, high, is_not) => {
                let value = scalar.value(world);
                let above = compare(&low.value(world), &value).map(Ordering::is_le);
                let below = compare(&value, &high.value(world)).map(Ordering::is_le);
                negate(and(above, below), *is_not)
            }
            Self::StartsWith(scalar, prefix, is_not) => match scalar.value(world) {
                Some(Value::Text(text)) => Some(text.starts_with(prefix) != *is_not),
                _ => None,
            },
            Self::IsTruth(condition, truth, is_not) => Some((condition.truth(world) == *truth) != *is_not),
            Self::Flag(scalar) => match scalar.value(world) {
                Some(Value::Bool(flag)) => Some(flag),
                _ => None,
            },
            Self::And(parts) => all(parts.iter().map(|part| part.truth(world))),
            Self::Or(parts) => any(parts.iter().map(|part| part.truth(world))),
            Self::Not(condition) => not(condition.truth(world)),
            Self::Case(branches, otherwise) => {
                let chosen = branches.iter().find(|(when, _)| when.truth(world) == Some(true));
                match (chosen, otherwise) {
                    (Some((_, then)), _) => then.truth(world),
                    (None, Some(otherwise)) => otherwise.truth(world),
                    (None, None) => None,
                }
            }
            Self::InRole(roles, is_all) => {
                let has = |role: &&&str| {
                    world
                        .subject
                        .is_some_and(|subject| subject.roles.contains(**role))
                };
                Some(if *is_all {
                    roles.iter().all(|role| has(&role))
                } else {
                    roles.iter().any(|role| has(&role))
                })
            }
            Self::HasPrivilege(privilege) => Some(
                world
                    .subject
                    .is_some_and(|subject| subject.privileges.contains(privilege)),
            ),
            Self::IsAuthenticated => Some(world.subject.is_some()),
            Self::Exists {
                source,
                condition,
                is_not,
            } => {
                let table = source.table;
                let exists = world
                    .visible(*source, condition.columns(table))
                    .any(|row| condition.truth(&world.with(table, &row)) == Some(true));
                Some(exists != *is_not)
            }
            Self::InSelect {
                scalar,
                source,
                column,
                condition,
                is_not,
            } => {
                let table = source.table;
                let list: Vec<Datum> = world
                    .visible(*source, condition.columns(table) | 1 << *column)
                    .filter(|row| condition.truth(&world.with(table, row)) == Some(true))
                    .map(|row| row[*column].clone())
                    .collect();
                negate(is_in(&scalar.value(world), &list), *is_not)
            }
        }
    }

    /// The columns of a table that it reads, from its sub-selects as well.
    #[must_use]
    pub fn columns(&self, table: usize) -> Columns {
        let of = |condition: &Self| condition.columns(table);
        match self {
            Self::Constant(_) | Self::InRole(..) | Self::HasPrivilege(_) | Self::IsAuthenticated => 0,
            Self::Compare(_, left, right) | Self::IsDistinct(left, right, _) => {
                left.columns(table) | right.columns(table)
            }
            Self::In(scalar, ..)
            | Self::AnyOfList(scalar)
            | Self::IsNull(scalar, _)
            | Self::StartsWith(scalar, ..)
            | Self::Flag(scalar) => scalar.columns(table),
            Self::Between(scalar, low, high, _) => {
                scalar.columns(table) | low.columns(table) | high.columns(table)
            }
            Self::IsTruth(condition, ..) | Self::Not(condition) => of(condition),
            Self::And(parts) | Self::Or(parts) => parts.iter().map(of).fold(0, |all, part| all | part),
            Self::Case(branches, otherwise) => {
                let branches = branches.iter().map(|(when, then)| of(when) | of(then));
                branches.fold(
                    otherwise.as_ref().map_or(0, |otherwise| of(otherwise)),
                    |all, part| all | part,
                )
            }
            Self::Exists { condition, .. } => of(condition),
            Self::InSelect {
                scalar, condition, ..
            } => scalar.columns(table) | of(condition),
        }
    }
}

fn join(parts: &[Condition], operator: &str, schema: &str) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| format!("({})", part.sql(schema)))
        .collect();
    parts.join(operator)
}

fn truth_sql(truth: Truth, unknown: &'static str) -> &'static str {
    match truth {
        Some(true) => "true",
        Some(false) => "false",
        None => unknown,
    }
}

fn holds(operator: &str, order: Ordering) -> bool {
    match operator {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// An empty list is false even for NULL.
fn is_in(datum: &Datum, list: &[Datum]) -> Truth {
    any(list
        .iter()
        .map(|element| compare(datum, element).map(Ordering::is_eq)))
}

/// True unless one is false or unknown; false counts for more than unknown.
fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut result = Some(true);
    for truth in truths {
        result = and(result, truth);
    }
    result
}

fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    not(all(truths.map(not)))
}
