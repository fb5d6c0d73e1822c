//! Places for connections and event streams: so many for everybody, and so many of these for one client network.
//!
//! Invariant: a place is given back when its holder goes, however that ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places of one kind.
#[derive(Debug)]
pub struct Places {
    for_everybody: usize,
    for_network: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_everybody: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All are held.
    ForEverybody,
    /// This network holds what one may hold.
    ForNetwork,
}

impl Full {
    /// Word for the figures.
    pub fn label(self) -> &'static str {
        match self {
            Self::ForEverybody => "everybody",
            Self::ForNetwork => "client",
        }
    }
}

impl Places {
    /// As many for everybody, and for each network.
    pub fn new(for_everybody: usize, for_network: usize) -> Arc<Self> {
        Arc::new(Self {
            for_everybody,
            for_network,
            held: Mutex::default(),
        })
    }

    /// Takes one; without a network it counts for everybody alone, as that of a proxy with many clients behind it.
    pub fn take(self: &Arc<Self>, network: Option<IpAddr>) -> Result<Place, Full> {
        let mut held = self.held();
        if held.by_everybody >= self.for_everybody {
            return Err(Full::ForEverybody);
        }
        if let Some(network) = network {
            let count = held.by_network.entry(network).or_default();
            if *count >= self.for_network {
                return Err(Full::ForNetwork);
            }
            *count += 1;
        }
        held.by_everybody += 1;
        Ok(Place {
            network,
            places: Arc::clone(self),
        })
    }

    /// How many are held.
    pub fn held_by_everybody(&self) -> usize {
        self.held().by_everybody
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    network: Option<IpAddr>,
    places: Arc<Places>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        held.by_everybody -= 1;
        let Some(network) = self.network else { return };
        if let Some(count) = held.by_network.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                held.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_gives_it_back() {
        let places = Places::new(4, 2);
        let (one, other) = (
            Some("192.0.2.1".parse().unwrap()),
            Some("192.0.2.2".parse().unwrap()),
        );
        let first = places.take(one).unwrap();
        let second = places.take(one).unwrap();
        assert_eq!(places.take(one).unwrap_err(), Full::ForNetwork);
        let third = places.take(other).unwrap();
        let fourth = places.take(None).unwrap();
        assert_eq!(places.take(None).unwrap_err(), Full::ForEverybody);
        assert_eq!(places.take(other).unwrap_err(), Full::ForEverybody);
        drop(first);
        assert!(places.take(one).is_ok());
        drop((second, third, fourth));
        assert_eq!(places.held_by_everybody(), 0);
        assert!(places.held().by_network.is_empty());
    }
}
