//! Whom the context tells and asks: rooms above it that keep something which rests on the attached session, or know of sessions. Filled once, by `events`.

use super::{Identity, Liveness, Standing, known_standing};
use crate::sys::marker::Marker;
use crate::sys::wired::Wired;

static KEEPERS: Wired<Keepers> = Wired::new();

/// What is told and asked.
pub struct Keepers {
    /// What answers rest on is something else now: plans that do not suit it are made again. Tells which, for whoever has one of them in hand.
    pub standing_changed: fn(Standing) -> Vec<Marker>,
    /// What answers rest on changed while plans were in the making: those that may be made for both are made again.
    pub plans_mixed: fn(),
    /// Looks whether definitions that this backend has read are still the same, and says so with `definitions_changed`.
    pub follow_definitions: fn(),
    /// Until when a session lives, read anew; `None` when it is over.
    pub liveness: fn(&Identity) -> Option<Liveness>,
}

/// Fills in whom to tell.
pub fn fill(keepers: Keepers) {
    KEEPERS.fill(keepers);
}

/// Tells of the standing that holds now.
pub(super) fn tell() -> Vec<Marker> {
    (KEEPERS.get().standing_changed)(known_standing())
}

pub(super) fn plans_mixed() {
    (KEEPERS.get().plans_mixed)();
}

pub(super) fn follow_definitions() {
    (KEEPERS.get().follow_definitions)();
}

pub(super) fn liveness(identity: &Identity) -> Option<Liveness> {
    (KEEPERS.get().liveness)(identity)
}
