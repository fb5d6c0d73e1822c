//! The log: one line a request and one a noteworthy event, to standard error.
//!
//! Invariant: fields are named one by one; no request, header, body or statement is ever printed as a whole.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::config::{Log, LogFormat};

/// Starts the log. A filter that cannot be read is an error: logging less than was asked for would go unnoticed.
pub fn start(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| format!("log.filter: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .finish_init(),
        LogFormat::Text => builder.with_ansi(false).finish_init(),
    };
    started.map_err(|error| error.to_string())
}

trait FinishInit {
    fn finish_init(self) -> Result<(), TryInitError>;
}

impl<S: tracing_subscriber::util::SubscriberInitExt> FinishInit for S {
    fn finish_init(self) -> Result<(), TryInitError> {
        self.try_init()
    }
}
