//! Figures for Prometheus.
//!
//! Labels hold route templates and numbers only: no user, no address, nothing a client chooses.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::db::Pool;
use crate::events::Hub;
use crate::vpd::alarm::Counts;

/// Figures of this process.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    refused: IntCounterVec,
    client_connections: IntGauge,
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
        let refused = IntCounterVec::new(
            Opts::new(
                "bridge_refused_total",
                "Connections and event streams that found no place, for everybody or for their client.",
            ),
            &["what", "place"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self {
            refused,
            client_connections: gauge("bridge_connections", "Connections of clients that are open.")?,
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

    /// Counts one connection or stream that found no place.
    pub fn refuse(&self, what: &str, place: &str) {
        self.refused.with_label_values(&[what, place]).inc();
    }

    /// Every figure in Prometheus' text format.
    ///
    /// Those of the database are told as it told them, and left out when it did not: a count of this process would begin anew with it.
    pub fn render(
        &self,
        connections: usize,
        hub: &Hub,
        pool: &Pool,
        alarms: Option<&Counts>,
    ) -> Result<String, prometheus::Error> {
        let as_gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let status = pool.status();
        self.client_connections.set(as_gauge(connections));
        self.streams.set(as_gauge(hub.len()));
        self.is_listening.set(hub.is_connected().into());
        self.connections.set(as_gauge(status.size));
        self.idle_connections.set(as_gauge(status.available));
        self.waiting_requests.set(as_gauge(status.waiting));
        let own = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        Ok(own + &alarms.map(lines).unwrap_or_default())
    }
}

/// Alarms of the audit trail in Prometheus' text format.
fn lines(alarms: &Counts) -> String {
    const NAME: &str = "vpd_audit_alarms_total";
    let head = format!(
        "# HELP {NAME} Alarms in the audit trail of the database, by event.\n# TYPE {NAME} counter\n"
    );
    let is_plain = |event: &str| {
        event
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '.' || letter == '_')
    };
    alarms
        .iter()
        .filter(|(event, _)| is_plain(event))
        .fold(head, |text, (event, count)| {
            text + &format!("{NAME}{{event=\"{event}\"}} {count}\n")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_lines_of_a_counter_and_no_event_breaks_out_of_its_label() {
        let alarms = Counts::from([("token.replayed".to_owned(), 3), ("x\"} 9\n".to_owned(), 1)]);
        assert_eq!(
            lines(&alarms),
            "# HELP vpd_audit_alarms_total Alarms in the audit trail of the database, by event.\n\
             # TYPE vpd_audit_alarms_total counter\nvpd_audit_alarms_total{event=\"token.replayed\"} 3\n"
        );
    }
}
