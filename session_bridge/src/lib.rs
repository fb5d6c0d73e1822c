//! The session bridge: a thin HTTP service before the sessions, tickets and messages of `pg_vpd`.
//!
//! It holds no verdict and no state that matters. In reading order:

pub mod config;
pub mod telemetry;

pub mod db;
pub mod vpd;

pub mod events;
pub mod identity;
pub mod metrics;

pub mod audit;
pub mod bridge;
pub mod http;

pub mod doctor;

pub mod keys;

pub mod load;

pub mod oracle;

mod printable;

pub mod policy_store;
pub mod registration;
