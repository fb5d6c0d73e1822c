//! The bridge before a database: login, handoff, keep-alive, forced close, and what happens to requests that go wrong midway.
//! It runs in this process, on a port of its own; everything else is as in service.

mod cut_off;
mod dropped;
mod encrypted;
mod events;
mod figures;
mod handoff;
mod identity;
pub mod login;
mod messages;
mod migrate;
mod service;
pub mod stage;
pub mod wire;
