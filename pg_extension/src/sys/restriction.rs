//! What hooks are told of a table: the conditions that restrict its rows, and what stands in for its columns.

use super::predicate::Compiled;
use pgrx::pg_sys;
use std::rc::Rc;

/// Commands a policy can apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// SELECT, and the reading part of other commands.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// CREATE INDEX, which is refused to those whom the policy restricts.
    Index,
}

/// One policy to apply.
pub struct Restriction {
    /// Name of the policy.
    pub name: String,
    /// Condition on rows that exist.
    pub predicate: Rc<Compiled>,
    /// Whether new rows must satisfy it too.
    pub is_checked: bool,
    /// Numbers of the columns of which the statement must reference one; `None` for a policy that always applies.
    pub relevant_columns: Option<Vec<i16>>,
}

/// What applies to a command on a protected table.
pub struct Restrictions {
    /// The policies; all must hold.
    pub policies: Vec<Restriction>,
    /// Whether a condition of its own must keep rows from those without a session: true unless one of the policies is
    /// known to do so.
    pub needs_gate: bool,
    /// Whether another session may get other policies, so that plans must not outlive the session.
    pub depends_on_context: bool,
}

/// A column that the session may not see in every row.
pub struct MaskedColumn {
    /// Number of the column.
    pub attribute: i16,
    /// The masks over it; the value is shown only where all of them say so.
    pub layers: Vec<Layer>,
}

/// One mask over a column.
pub struct Layer {
    /// Where the value is shown; `None` for nowhere.
    pub visible: Option<Rc<Compiled>>,
    /// What is shown instead; `None` for NULL.
    pub value: Option<Rc<Compiled>>,
}

/// An audit policy that waits for a row.
pub struct Watched {
    /// The table that it is on.
    pub table: pg_sys::Oid,
    /// Its name.
    pub policy: Rc<str>,
    /// For which rows; `None` for any.
    pub condition: Option<Rc<Compiled>>,
}

impl Command {
    /// Those that read and write rows.
    pub const OF_ROWS: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// The privilege that it needs, as the server counts them.
    pub(super) fn privilege(self) -> u64 {
        u64::from(match self {
            Self::Select => pg_sys::ACL_SELECT,
            Self::Insert => pg_sys::ACL_INSERT,
            Self::Update => pg_sys::ACL_UPDATE,
            Self::Delete => pg_sys::ACL_DELETE,
            Self::Index => 0,
        })
    }

    /// Reads the spelling of `statement_types`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "select" => Some(Self::Select),
            "insert" => Some(Self::Insert),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            "index" => Some(Self::Index),
            _ => None,
        }
    }

    /// The spelling of `statement_types`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Index => "index",
        }
    }
}
