//! The HTTP side: one listener, virtual hosts, an interceptor chain, one file an endpoint.
//!
//! Invariant: a handler calls functions of `vpd` and shapes their answer; every refusal is a `Problem`.

mod chain;
mod listener;
mod site;

mod address;
mod certificate;
mod limit;
pub mod places;
mod rate_limit;
mod record;
mod trace;

mod cors;
mod headers;
mod html;
mod no_route;
mod onward;
mod origin_check;

mod auth;
mod cookie;
mod extract;
pub mod pages;
mod problem;
mod problem_page;

mod browser;
mod demo;
mod dev_idp;
mod event_stream;
mod handoff;
mod operation;
mod v1;
mod well_known;

pub use chain::router;
pub use listener::{serve, serve_on};
pub use site::Sites;

/// Shared state as handlers get it.
type Shared = std::sync::Arc<crate::bridge::Bridge>;
