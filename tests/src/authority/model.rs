//! A graph as it is written down by whoever changes it: nodes, grants, rules, what is told of users; with all that was before.
//!
//! Moments are seconds: 0 is when the first changes are made, `THEN` lies between the first and the second, 2 is when the second are made, and `NOW`
//! is when everything is asked. Dates lie days before or after.

use std::collections::BTreeSet;

/// When the first changes are made.
pub const FIRST: i64 = 0;
/// Between the changes.
pub const THEN: i64 = 1;
/// When the second changes are made.
pub const SECOND: i64 = 2;
/// After them.
pub const NOW: i64 = 3;
/// For good.
pub const ALWAYS: i64 = i64::MAX;
/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A set of nodes, by their numbers.
pub type Nodes = BTreeSet<usize>;

/// A node of the graph. One that was dropped and defined again is another.
#[derive(Debug, Clone)]
pub struct Node {
    /// user, group, role, ….
    pub kind: &'static str,
    pub name: String,
    /// When it was defined.
    pub defined: i64,
    /// When it was dropped.
    pub dropped: i64,
    /// When it was switched on or off.
    pub switched: Vec<(i64, bool)>,
    /// For a role: its kind and rule, and from when.
    pub roles: Vec<(i64, RoleKind)>,
    /// For a user: what is told of him, and from when.
    pub told: Vec<(i64, Told)>,
}

/// What kind of role a role is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleKind {
    Plain,
    Enterprise,
    /// With a rule.
    Parametric(Rule),
}

/// Who has a parametric role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Whose attribute `a` is at least that.
    AtLeast(i64),
    /// Who is of a unit.
    Unit(&'static str),
    /// Who is called so.
    Named(String),
}

/// What the sources together tell of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub a: i64,
    pub unit: Option<&'static str>,
}

/// Something granted to a holder for a time.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    pub holder: usize,
    pub granted: usize,
    pub from: i64,
    pub until: i64,
}

/// A node of the hierarchy given to a data group for a time.
#[derive(Debug, Clone, Copy)]
pub struct GroupNode {
    pub group: usize,
    pub key: &'static str,
    pub from: i64,
    pub until: i64,
}

/// Who may act for whom.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// A reference.
    pub actor: String,
    /// A reference; none for anybody.
    pub subject: Option<String>,
    pub is_full: bool,
    pub from: i64,
    pub until: i64,
}

/// A rule of duties.
#[derive(Debug, Clone)]
pub struct Duties {
    pub name: String,
    pub items: Nodes,
    pub at_most: usize,
    /// Only users of this unit and of those below it.
    pub unit: Option<&'static str>,
}

/// An exception that was approved.
#[derive(Debug, Clone)]
pub struct Excuse {
    pub rule: String,
    /// Whether the rule was about a unit when it was asked for.
    pub is_for_unit: bool,
    pub user: String,
    pub items: Nodes,
    pub until: i64,
}

/// A conflict that was accepted when its rule was defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub rule: String,
    pub user: usize,
    pub items: Nodes,
    /// From when.
    pub since: i64,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub is_production: bool,
    /// Whether whoever is in no data group with nodes sees everything.
    pub is_open: bool,
    pub nodes: Vec<Node>,
    pub grants: Vec<Grant>,
    pub group_nodes: Vec<GroupNode>,
    pub delegations: Vec<Delegation>,
    pub duties: Vec<Duties>,
    pub excuses: Vec<Excuse>,
    pub accepted: Vec<Accepted>,
}

/// Units with those above them.
pub const UNITS: [(&str, Option<&str>); 3] = [("U0", None), ("U1", Some("U0")), ("U2", None)];

/// Keys of the hierarchy with their parents and levels.
pub const KEYS: [(&str, Option<&str>, &str); 5] = [
    ("n0", None, "top"),
    ("n1", Some("n0"), "middle"),
    ("n2", Some("n0"), "middle"),
    ("n3", Some("n1"), "low"),
    ("n4", None, "top"),
];

/// A key or unit with everything above it.
pub fn upward<'a>(tree: &[(&'a str, Option<&'a str>)], from: &'a str) -> Vec<&'a str> {
    let mut line = vec![from];
    while let Some(above) = tree
        .iter()
        .find(|(name, _)| Some(name) == line.last())
        .and_then(|(_, above)| *above)
    {
        line.push(above);
    }
    line
}

/// The keys with their parents.
pub fn parents() -> Vec<(&'static str, Option<&'static str>)> {
    KEYS.iter().map(|(key, parent, _)| (*key, *parent)).collect()
}

impl Node {
    /// As it is written.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }

    /// Whether it is there and switched on.
    pub fn counts(&self, at: i64) -> bool {
        at < self.dropped && last(&self.switched, at).is_none_or(|is_on| *is_on)
    }

    /// The kind of a role; before it was defined, what it was first.
    pub fn role(&self, at: i64) -> Option<&RoleKind> {
        last(&self.roles, at).or_else(|| self.roles.first().map(|(_, kind)| kind))
    }

    /// What is told of a user.
    pub fn told(&self, at: i64) -> Option<Told> {
        last(&self.told, at).copied()
    }
}

/// What was said last.
fn last<T>(said: &[(i64, T)], at: i64) -> Option<&T> {
    said.iter()
        .rev()
        .find(|(since, _)| *since <= at)
        .map(|(_, what)| what)
}
