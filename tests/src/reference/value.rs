//! Values of the evaluator and what PostgreSQL calls them.

use std::cmp::Ordering;

use super::random::Random;

/// Types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// integer
    Int,
    /// text, compared by bytes
    Text,
    /// boolean
    Bool,
    /// date, of one month
    Date,
    /// numeric(6,2)
    Numeric,
    /// uuid
    Uuid,
    /// text, sealed with a key; equal or not, and without an order
    Sealed(Seal),
}

/// Keys that seal columns, searchable, by what a session without the privilege sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A mask.
    Masked,
    /// NULL.
    Null,
}

/// A value that is not NULL. Dates are days of one month, numerics hundredths, uuids their last digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// integer
    Int(i64),
    /// text
    Text(String),
    /// boolean
    Bool(bool),
    /// day of the month
    Date(i64),
    /// hundredths
    Numeric(i64),
    /// last digit
    Uuid(i64),
}

/// A value or NULL.
pub type Datum = Option<Value>;

/// True, false or unknown.
pub type Truth = Option<bool>;

/// Letters of texts: quotes, wild cards and letters beyond ASCII among them.
const TEXTS: [&str; 8] = ["East", "West", "Ea", "O'Neil", "50%_a", "öst", "", "East\\x"];

impl Type {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Int,
        Self::Text,
        Self::Bool,
        Self::Date,
        Self::Numeric,
        Self::Uuid,
    ];

    /// The type of its values where nothing is sealed.
    #[must_use]
    pub fn plain(self) -> Self {
        match self {
            Self::Sealed(_) => Self::Text,
            plain => plain,
        }
    }

    /// As the definition of a column has it.
    #[must_use]
    pub fn column_sql(self) -> &'static str {
        match self {
            Self::Sealed(Seal::Masked) => "vpd.sealed_text('masked')",
            Self::Sealed(Seal::Null) => "vpd.sealed_text('nulled')",
            plain => plain.sql(),
        }
    }

    /// As SQL writes it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Text | Self::Sealed(_) => "text",
            Self::Bool => "boolean",
            Self::Date => "date",
            Self::Numeric => "numeric(6,2)",
            Self::Uuid => "uuid",
        }
    }

    /// A name for the session attribute of this type.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Int => "number",
            Self::Text | Self::Sealed(_) => "word",
            Self::Bool => "flag",
            Self::Date => "day",
            Self::Numeric => "amount",
            Self::Uuid => "key",
        }
    }

    /// Some value of a small range, so that comparisons often hold.
    pub fn value(self, random: &mut Random) -> Value {
        let small = i64::try_from(random.below(6)).unwrap_or(0);
        match self {
            Self::Int => Value::Int(small - 1),
            Self::Text | Self::Sealed(_) => Value::Text((*random.pick(&TEXTS)).to_owned()),
            Self::Bool => Value::Bool(random.chance(50)),
            Self::Date => Value::Date(small + 1),
            Self::Numeric => Value::Numeric((small - 2) * 75),
            Self::Uuid => Value::Uuid(small),
        }
    }

    /// A value, or NULL now and then.
    pub fn datum(self, random: &mut Random) -> Datum {
        (!random.chance(15)).then(|| self.value(random))
    }
}

impl Seal {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Masked, Self::Null];

    /// The keys; for the security administrator.
    pub const KEYS: &str =
        "SELECT vpd.create_key('masked', 'unseal_masked', searchable => true, mask => '•••');
SELECT vpd.create_key('nulled', 'unseal_nulled', searchable => true, hidden_as => 'null');\n";

    /// The privilege that unseals.
    #[must_use]
    pub fn privilege(self) -> &'static str {
        ["unseal_masked", "unseal_nulled"][self as usize]
    }

    /// What stands for a value.
    #[must_use]
    pub fn hidden(self) -> Datum {
        match self {
            Self::Masked => Some(Value::Text("•••".to_owned())),
            Self::Null => None,
        }
    }
}

impl Value {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Type {
        match self {
            Self::Int(_) => Type::Int,
            Self::Text(_) => Type::Text,
            Self::Bool(_) => Type::Bool,
            Self::Date(_) => Type::Date,
            Self::Numeric(_) => Type::Numeric,
            Self::Uuid(_) => Type::Uuid,
        }
    }

    /// As the server prints it when it is cast to text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bool(flag) => flag.to_string(),
            Self::Date(day) => format!("2026-03-{day:02}"),
            Self::Numeric(hundredths) => {
                let sign = if *hundredths < 0 { "-" } else { "" };
                let size = hundredths.abs();
                format!("{sign}{}.{:02}", size / 100, size % 100)
            }
            Self::Uuid(digit) => format!("00000000-0000-4000-8000-00000000000{digit}"),
        }
    }

    /// As SQL writes it.
    #[must_use]
    pub fn sql(&self) -> String {
        let text = self.text();
        match self {
            Self::Int(_) | Self::Numeric(_) => format!("({text})"),
            Self::Bool(_) => text,
            Self::Text(_) if text.contains('\\') => {
                format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
            }
            _ => format!("'{}'::{}", text.replace('\'', "''"), self.kind().sql()),
        }
    }
}

/// As SQL writes a value or NULL of a type.
#[must_use]
pub fn sql(datum: &Datum, kind: Type) -> String {
    datum
        .as_ref()
        .map_or_else(|| format!("NULL::{}", kind.sql()), Value::sql)
}

/// Compares as PostgreSQL does in the locale C: unknown when one is NULL.
#[must_use]
pub fn compare(left: &Datum, right: &Datum) -> Option<Ordering> {
    Some(left.as_ref()?.cmp(right.as_ref()?))
}

/// Three-valued AND.
#[must_use]
pub fn and(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// Three-valued NOT.
#[must_use]
pub fn not(truth: Truth) -> Truth {
    truth.map(|truth| !truth)
}
