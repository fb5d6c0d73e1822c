//! Who waits for wake-ups, by session.
//!
//! The hub knows no verdict and stores no message: it tells the streams of a session to browse their queue again.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Streams that wait, by session.
#[derive(Debug, Default)]
pub struct Hub {
    waiting: Mutex<HashMap<Uuid, Streams>>,
    is_connected: AtomicBool,
}

/// Streams of one session.
#[derive(Debug)]
struct Streams {
    wakes: watch::Sender<()>,
    /// How each is told that it has to go, the oldest first.
    open: VecDeque<CancellationToken>,
}

impl Hub {
    /// Waits for wake-ups of a session from now on. Where it has as many streams as it may have, the oldest has to go.
    pub fn subscribe(self: &Arc<Self>, session: Uuid, most: usize) -> Subscription {
        let mut waiting = self.waiting();
        let streams = waiting.entry(session).or_insert_with(|| Streams {
            wakes: watch::Sender::new(()),
            open: VecDeque::new(),
        });
        while streams.open.len() >= most.max(1) {
            if let Some(oldest) = streams.open.pop_front() {
                oldest.cancel();
            }
        }
        let replaced = CancellationToken::new();
        streams.open.push_back(replaced.clone());
        Subscription {
            wakes: streams.wakes.subscribe(),
            replaced,
            session,
            hub: Arc::clone(self),
        }
    }

    /// Wakes the streams of one session.
    pub fn wake(&self, session: Uuid) {
        if let Some(streams) = self.waiting().get(&session) {
            streams.wakes.send_replace(());
        }
    }

    /// Wakes every stream.
    pub fn wake_all(&self) {
        for streams in self.waiting().values() {
            streams.wakes.send_replace(());
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
        let receivers = |streams: &Streams| streams.wakes.receiver_count();
        self.waiting().values().map(receivers).sum()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Uuid, Streams>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's place in the hub; dropping it leaves.
#[derive(Debug)]
pub struct Subscription {
    wakes: watch::Receiver<()>,
    replaced: CancellationToken,
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

    /// Told when newer streams took its place.
    pub fn replaced(&self) -> CancellationToken {
        self.replaced.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Tells which of the tokens is its own: no other that is open is cancelled.
        self.replaced.cancel();
        let mut waiting = self.hub.waiting();
        let Some(streams) = waiting.get_mut(&self.session) else {
            return;
        };
        streams.open.retain(|open| !open.is_cancelled());
        // This receiver still counts as one.
        if streams.wakes.receiver_count() <= 1 {
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
        let (mut first, mut second, mut third) = (
            hub.subscribe(one, 9),
            hub.subscribe(one, 9),
            hub.subscribe(other, 9),
        );
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
        let mut stays = hub.subscribe(session, 9);
        let leaves = hub.subscribe(session, 9);
        hub.wake(session);
        drop(leaves);
        assert_eq!(hub.len(), 1);
        assert!(is_woken(&mut stays).await);
        drop(stays);
        assert!(hub.is_empty());
    }

    #[tokio::test]
    async fn the_oldest_stream_of_a_session_makes_way() {
        let hub = Arc::new(Hub::default());
        let (one, other) = (Uuid::from_u128(4), Uuid::from_u128(5));
        let first = hub.subscribe(one, 2);
        let second = hub.subscribe(one, 2);
        let stranger = hub.subscribe(other, 2);
        let third = hub.subscribe(one, 2);
        let are_replaced =
            [&first, &second, &stranger, &third].map(|stream| stream.replaced().is_cancelled());
        assert_eq!(are_replaced, [true, false, false, false]);
        drop(second);
        let fourth = hub.subscribe(one, 2);
        assert!(!third.replaced().is_cancelled(), "one had left");
        drop((first, third, fourth, stranger));
        assert!(hub.is_empty());
    }
}
