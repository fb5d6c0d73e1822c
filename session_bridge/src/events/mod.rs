//! How an event finds its streams: the hub wakes them, the lookout looks into the queue for all of them at once.

mod hub;
mod lookout;

pub use hub::{Hub, Subscription};
pub use lookout::Lookout;
