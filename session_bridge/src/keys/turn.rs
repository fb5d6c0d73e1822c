//! When it is a provider's turn.
//!
//! Invariant: a provider is asked at most once in `pause`, whatever the tokens that come in say of their keys.

use std::time::{Duration, Instant};

use aws_lc_rs::rand;

use crate::config::Keys;

/// The last look at a provider.
#[derive(Debug)]
pub struct Turn {
    at: Instant,
    /// How long until the next, when nobody misses a key.
    interval: Duration,
    /// How many tokens had named an unknown key before.
    missed: i64,
    was_sound: bool,
}

impl Turn {
    /// Notes a look that begins now.
    pub fn begin(settings: &Keys, missed: i64) -> Self {
        Self {
            at: Instant::now(),
            interval: spread(settings.interval()),
            missed,
            was_sound: true,
        }
    }

    /// Notes how it went.
    pub fn ended(self, was_sound: bool) -> Self {
        Self { was_sound, ..self }
    }

    /// Whether it is time for another.
    pub fn is_over(&self, settings: &Keys, now: Instant, missed: i64) -> bool {
        let elapsed = now.saturating_duration_since(self.at);
        let is_wanted = missed != self.missed || !self.was_sound;
        elapsed >= self.interval || is_wanted && elapsed >= settings.pause()
    }
}

/// A tenth more or less, so that processes that were started together do not ask together.
fn spread(interval: Duration) -> Duration {
    let mut byte = [128];
    // Without a random byte they do.
    let _ = rand::fill(&mut byte);
    interval.mul_f64(0.9 + 0.2 * f64::from(byte[0]) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_after_the_interval_and_earlier_when_a_key_is_missed_or_it_was_down() {
        let settings = Keys::default();
        let turn = Turn::begin(&settings, 7);
        let after = |seconds| turn.at + Duration::from_secs(seconds);
        let is_over = |seconds, missed| turn.is_over(&settings, after(seconds), missed);
        assert!(!is_over(0, 7) && !is_over(269, 7) && is_over(331, 7));
        // However many are missed, not within a minute. After a start of the server they are counted anew.
        assert!(!is_over(59, 1_000_000) && is_over(60, 8) && is_over(60, 0));
        let failed = Turn::begin(&settings, 7).ended(false);
        assert!(!failed.is_over(&settings, failed.at + Duration::from_secs(59), 7));
        assert!(failed.is_over(&settings, failed.at + Duration::from_secs(60), 7));
    }
}
