//! What a purge came to.

/// What was ended and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub expired_sessions: u64,
    pub removed_sessions: u64,
    pub removed_tickets: u64,
    pub removed_messages: u64,
    /// Whether some kind filled its batch, so that another batch is worth while.
    pub is_full: bool,
}

impl Counts {
    /// All rows together.
    pub fn total(&self) -> u64 {
        self.expired_sessions + self.removed_sessions + self.removed_tickets + self.removed_messages
    }

    /// Adds another batch.
    pub fn add(&mut self, other: Counts) {
        self.expired_sessions += other.expired_sessions;
        self.removed_sessions += other.removed_sessions;
        self.removed_tickets += other.removed_tickets;
        self.removed_messages += other.removed_messages;
        self.is_full = other.is_full;
    }
}
