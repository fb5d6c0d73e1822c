//! Oracle's policy types.

/// When the predicate of a policy function is computed again (Oracle's policy types).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Once in a backend, until the policy, its function or its table changes. Tables with a shared kind and the same function share
    /// one text.
    Static,
    /// When another session is attached.
    ContextSensitive,
    /// For every statement.
    Dynamic,
}

impl Kind {
    /// Reads the catalogue's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "static" | "shared_static" => Some(Self::Static),
            "context_sensitive" | "shared_context_sensitive" => Some(Self::ContextSensitive),
            "dynamic" => Some(Self::Dynamic),
            _ => None,
        }
    }
}
