//! Policy `rate limit`: a token bucket for each client address.
//!
//! Invariant: memory is bounded. A full bucket says nothing and is forgotten; when too many are kept, all are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::address::{ClientAddress, network_of};
use super::problem::Problem;
use crate::config::RateLimit;

const MAX_BUCKETS: usize = 65_536;

/// Every bucket.
#[derive(Debug)]
pub struct Buckets {
    limit: RateLimit,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Buckets {
    pub fn new(limit: RateLimit) -> Arc<Self> {
        Arc::new(Self {
            limit,
            buckets: Mutex::default(),
        })
    }

    fn take(&self, address: IpAddr, now: Instant) -> bool {
        let burst = f64::from(self.limit.burst);
        let refill = |bucket: &Bucket| {
            let pause = now.saturating_duration_since(bucket.filled_at).as_secs_f64();
            (bucket.tokens + pause * f64::from(self.limit.per_second)).min(burst)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, bucket| refill(bucket) < burst);
            if buckets.len() >= MAX_BUCKETS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(network_of(address)).or_insert(Bucket {
            tokens: burst,
            filled_at: now,
        });
        *bucket = Bucket {
            tokens: refill(bucket),
            filled_at: now,
        };
        let is_allowed = bucket.tokens >= 1.0;
        if is_allowed {
            bucket.tokens -= 1.0;
        }
        is_allowed
    }
}

/// Refuses what comes faster than the bucket fills.
pub async fn limit_rate(
    State(buckets): State<Arc<Buckets>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match request.extensions().get::<ClientAddress>() {
        // A supervisor that is refused here restarts the service.
        _ if request.uri().path() == "/health" => Ok(next.run(request).await),
        Some(client) if !buckets.take(client.0, Instant::now()) => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "limit_rate",
            "too many requests from this address",
        )
        .hint("Wait a second.")),
        _ => Ok(next.run(request).await),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bucket_empties_refills_and_is_of_one_address() {
        let buckets = Buckets::new(RateLimit {
            per_second: 2,
            burst: 3,
        });
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let now = Instant::now();
        let taken = (0..5).filter(|_| buckets.take(one, now)).count();
        assert_eq!(taken, 3);
        assert!(buckets.take(other, now));
        assert!(!buckets.take(one, now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..5).filter(|_| buckets.take(one, later)).count(), 2);
    }

    #[test]
    fn buckets_stay_bounded() {
        let buckets = Buckets::new(RateLimit {
            per_second: 1,
            burst: 2,
        });
        let now = Instant::now();
        for number in 0..(MAX_BUCKETS as u32 + 10) {
            buckets.take(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(buckets.buckets.lock().unwrap().len() <= MAX_BUCKETS);
    }
}
