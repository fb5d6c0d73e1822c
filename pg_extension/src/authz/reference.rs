//! Names of nodes of the graph as people write them: `role:Buyer`, `privilege:purchase_order:approve`.

use crate::error::{Error, Result};
use crate::sys::spi::{arg, statements};
use std::fmt;
use vpd_text::load::value::NUMBER_MARK;

statements! {
    FIND = "authz/find.sql";
}

const MAX_NAME_CHARS: usize = 256;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    User,
    Group,
    Role,
    Duty,
    Privilege,
    Entitlement,
    DataGroup,
}

/// A node by kind and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub kind: Kind,
    pub name: String,
}

/// A node that exists.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: i32,
    pub reference: Reference,
    /// Who shipped or marked it.
    pub seeded_by: Option<String>,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::User,
        Self::Group,
        Self::Role,
        Self::Duty,
        Self::Privilege,
        Self::Entitlement,
        Self::DataGroup,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::Duty => "duty",
            Self::Privilege => "privilege",
            Self::Entitlement => "entitlement",
            Self::DataGroup => "data_group",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// True when a holder of this kind can be granted something of the other kind.
    pub fn may_hold(self, granted: Self) -> bool {
        use Kind::*;
        match self {
            User | Group => matches!(granted, Role | DataGroup) || (granted == Group),
            Role => matches!(granted, Role | Duty | Privilege | Entitlement | DataGroup),
            Duty => matches!(granted, Duty | Privilege),
            Entitlement => granted == Privilege,
            Privilege | DataGroup => false,
        }
    }
}

impl Reference {
    /// A node of a kind.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }

    /// Reads `kind:name`.
    pub fn parse(text: &str) -> Result<Self> {
        text.split_once(':')
            .filter(|(_, name)| !name.is_empty() && name.trim() == *name)
            .and_then(|(kind, name)| Some(Self::new(Kind::parse(kind)?, name)))
            .ok_or_else(|| {
                Error::argument(
                    "this is no reference",
                    "Write kind:name without blanks around them, with the kind user, group, role, duty, privilege, entitlement or data_group: role:Buyer.",
                )
            })
    }

    /// The node, if there is one.
    pub fn find(&self) -> Option<Node> {
        FIND.with(|statement| {
            statement.query_one(&[arg(self.kind.as_str()), arg(self.name.as_str())], |row| {
                Some(Node {
                    id: row.get(1)?,
                    reference: self.clone(),
                    seeded_by: row.get(2),
                })
            })
        })
        .flatten()
    }

    /// The node, or 42704.
    pub fn require(&self) -> Result<Node> {
        self.find().ok_or_else(|| self.missing())
    }
}

impl Reference {
    /// 42704: there is no such node; `user_not_found`, `role_not_found`, ….
    fn missing(&self) -> Error {
        let code = match self.kind {
            Kind::User => "user_not_found",
            Kind::Group => "group_not_found",
            Kind::Role => "role_not_found",
            Kind::Duty => "duty_not_found",
            Kind::Privilege => "privilege_not_found",
            Kind::Entitlement => "entitlement_not_found",
            Kind::DataGroup => "data_group_not_found",
        };
        Error::not_found(
            code,
            format!("{self} does not exist"),
            format!("Define it first with vpd.define_{}.", self.kind.as_str()),
        )
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind.as_str(), self.name)
    }
}

/// An error when a name cannot be one.
pub fn check_name(name: &str) -> Result<()> {
    let is_good = !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_NAME_CHARS
        && name != NUMBER_MARK
        && !name.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err(Error::argument(
        "the name is not usable",
        "Use 1 to 256 characters, none of them a control character, without spaces at the ends.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privilege_keeps_its_colon() {
        let reference = Reference::parse("privilege:purchase_order:approve").ok();
        assert_eq!(
            reference,
            Some(Reference::new(Kind::Privilege, "purchase_order:approve"))
        );
    }

    #[test]
    fn only_roles_hold_duties_privileges_and_entitlements() {
        for kind in [Kind::User, Kind::Group] {
            assert!(
                !kind.may_hold(Kind::Duty)
                    && !kind.may_hold(Kind::Privilege)
                    && !kind.may_hold(Kind::Entitlement)
            );
        }
        assert!(Kind::Role.may_hold(Kind::Entitlement));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["Buyer", "job:Buyer", "role:", ":x", "role"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
