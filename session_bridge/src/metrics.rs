//! Figures for Prometheus.
//!
//! Labels hold route templates and numbers only: no user, no address, nothing a client chooses.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::db::Pool;
use crate::events::Hub;

/// Figures of this process.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    streams: IntGauge,
    is_listening: IntGauge,
    connections: IntGauge,
    idle_connections: IntGauge,
    waiting_requests: IntGauge,
}

impl Metrics {
    /// Registers every figure.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let requests = IntCounterVec::new(
            Opts::new("bridge_requests_total", "Requests answered."),
            &["method", "route", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "bridge_request_duration_seconds",
                "Time to the head of the answer.",
            )
            .buckets(vec![
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
            ]),
            &["route"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self {
            streams: gauge("bridge_event_streams", "Event streams that are open.")?,
            is_listening: gauge("bridge_is_listening", "1 while the listening connection stands.")?,
            connections: gauge("bridge_pool_connections", "Connections of the bridge role.")?,
            idle_connections: gauge("bridge_pool_idle_connections", "Connections nobody uses now.")?,
            waiting_requests: gauge("bridge_pool_waiting", "Requests that wait for a connection.")?,
            requests,
            durations,
            registry,
        })
    }

    /// Counts one request.
    pub fn count(&self, method: &str, route: &str, status: u16, duration: Duration) {
        self.requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        self.durations
            .with_label_values(&[route])
            .observe(duration.as_secs_f64());
    }

    /// Every figure in Prometheus' text format.
    pub fn render(&self, hub: &Hub, pool: &Pool) -> Result<String, prometheus::Error> {
        let as_gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let status = pool.status();
        self.streams.set(as_gauge(hub.len()));
        self.is_listening.set(hub.is_connected().into());
        self.connections.set(as_gauge(status.size));
        self.idle_connections.set(as_gauge(status.available));
        self.waiting_requests.set(as_gauge(status.waiting));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
