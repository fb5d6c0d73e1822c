//! How much of a hierarchy a session sees, for whoever plans a query.

/// More keys than these are not asked of an index: each costs a descent, and the planner looks at each.
const MAX_INDEX_KEYS: usize = 2_000;

/// What part of a hierarchy the attached session sees.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// How many nodes.
    pub visible: usize,
    /// Of how many.
    pub all: usize,
    /// Whether some session may see everything, unknown keys included, so that no plan may ask an index for keys.
    pub may_be_open: bool,
}

impl Share {
    /// Whether the nodes are so few that an index is asked for them.
    pub fn is_few(self) -> bool {
        self.visible <= MAX_INDEX_KEYS && self.visible * 3 <= self.all
    }
}
