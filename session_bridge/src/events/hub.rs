//! Who waits for wake-ups, by session.
//!
//! The hub knows no verdict and stores no message: it tells the streams of a session to browse their queue again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

/// Streams that wait, by session.
#[derive(Debug, Default)]
pub struct Hub {
    waiting: Mutex<HashMap<Uuid, watch::Sender<()>>>,
    is_connected: AtomicBool,
}

impl Hub {
    /// Waits for wake-ups of a session from now on.
    pub fn subscribe(self: &Arc<Self>, session: Uuid) -> Subscription {
        let wakes = self
            .waiting()
            .entry(session)
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        Subscription {
            wakes,
            session,
            hub: Arc::clone(self),
        }
    }

    /// Wakes the streams of one session.
    pub fn wake(&self, session: Uuid) {
        if let Some(sender) = self.waiting().get(&session) {
            sender.send_replace(());
        }
    }

    /// Wakes every stream.
    pub fn wake_all(&self) {
        for sender in self.waiting().values() {
            sender.send_replace(());
        }
    }

    /// Notes whether the listening connection stands.
    pub fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
    }

    /// True while the listening connection stands.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    /// How many streams wait.
    pub fn len(&self) -> usize {
        self.waiting().values().map(watch::Sender::receiver_count).sum()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's place in the hub; dropping it leaves.
#[derive(Debug)]
pub struct Subscription {
    wakes: watch::Receiver<()>,
    session: Uuid,
    hub: Arc<Hub>,
}

impl Subscription {
    /// Waits for a wake-up; one that came since the last wait counts.
    pub async fn woken(&mut self) {
        // The sender lives in the hub as long as a receiver does, so waiting cannot fail.
        if self.wakes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut waiting = self.hub.waiting();
        // This receiver still counts as one.
        if waiting
            .get(&self.session)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            waiting.remove(&self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_woken(subscription: &mut Subscription) -> bool {
        tokio::time::timeout(Duration::from_millis(20), subscription.woken())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn only_the_streams_of_the_session_are_woken() {
        let hub = Arc::new(Hub::default());
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (mut first, mut second, mut third) =
            (hub.subscribe(one), hub.subscribe(one), hub.subscribe(other));
        hub.wake(one);
        assert!(is_woken(&mut first).await && is_woken(&mut second).await);
        assert!(!is_woken(&mut third).await);
        hub.wake_all();
        assert!(is_woken(&mut third).await);
    }

    #[tokio::test]
    async fn wake_between_two_waits_is_not_lost_and_leaving_empties_the_hub() {
        let hub = Arc::new(Hub::default());
        let session = Uuid::from_u128(3);
        let mut stays = hub.subscribe(session);
        let leaves = hub.subscribe(session);
        hub.wake(session);
        drop(leaves);
        assert_eq!(hub.len(), 1);
        assert!(is_woken(&mut stays).await);
        drop(stays);
        assert!(hub.is_empty());
    }
}
