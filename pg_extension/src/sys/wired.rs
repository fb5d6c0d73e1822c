//! A place for what is filled in once, when the library is loaded, by whoever wires the rooms together.

use crate::error::Error;
use std::sync::OnceLock;

/// Empty until it is filled.
pub struct Wired<T>(OnceLock<T>);

impl<T> Wired<T> {
    /// An empty place.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Fills it. A second time changes nothing: the library is loaded once in a process, and inherited by those that come out of it.
    pub fn fill(&self, value: T) {
        drop(self.0.set(value));
    }

    /// What is in it; where there is nothing, the statement ends.
    pub fn get(&self) -> &T {
        self.0.get().unwrap_or_else(|| Error::not_active().raise())
    }
}
