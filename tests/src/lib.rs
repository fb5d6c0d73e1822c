//! The harness of the tests: temporary clusters, databases, plain roles, and assertions on refusals.
//!
//! It is not a mock of anything: every test talks over the wire to a PostgreSQL server that this crate started.
//! Invariant: whatever happens to the test process, its servers stop and their folders go.

pub mod authority;
mod cluster;
mod crowd;
mod database;
mod event;
mod extension;
mod fixture;
mod handoff;

pub mod issuer;
mod onward;
mod pooler;
mod program;
mod publisher;
pub mod reference;
mod refusal;
mod secrets;
mod subject;
pub mod superstore;

pub use cluster::{Cluster, Library, give_to_server};
pub use crowd::{Crowd, rows_read};
pub use database::{Database, Notices};
pub use event::{overlapped, until, until_true, until_within};
pub use extension::Extension;
pub use fixture::{
    BY_REGION, add_policy, create_orders, create_protected_orders, expected_ids, protect_by_region,
    protect_natively, protected_orders,
};
pub use handoff::{act_for, issue, redeem};
pub use onward::onward;
pub use pooler::Pooler;
pub use program::{Desk, program};
pub use publisher::Publisher;
pub use refusal::{
    Outcome, Refusal, assert_all_refused, assert_denied, assert_denied_to_all_but, assert_refused, outcome,
    refusal,
};
pub use secrets::{find_secrets, log_folder};
pub use subject::{Subject, VERIFIER, attach, challenge, fresh_ids, ids};

/// Error of the harness; tests return it, so that `?` works on everything.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Result of the harness.
pub type Result<T> = std::result::Result<T, Error>;

/// Roles every cluster of the harness has; each is a plain role that may log in and nothing else.
pub mod role {
    /// The application's run-time role (profile `runtime`).
    pub const USER: &str = "app_user";
    /// Who logs people in for the tests (profiles `bridge` and `session_creator`).
    pub const BRIDGE: &str = "app_bridge";
    /// The security administrator (profile `security_admin`).
    pub const SECURITY: &str = "sec_admin";
    /// The auditor (profile `auditor`).
    pub const AUDITOR: &str = "app_auditor";
    /// Owner of the application's tables; no profile.
    pub const OWNER: &str = "app_owner";
    /// Somebody with a login and nothing else; no profile.
    pub const STRANGER: &str = "app_stranger";
    /// A bridge that has its profile and nothing else: no session without a token that a provider has signed.
    pub const WEB: &str = "app_web";
    /// Who hands in the keys of identity providers (profile `key_steward`).
    pub const KEYS: &str = "app_keys";
    /// Programs that are in service as they are in production.
    pub const PROGRAMS: [&str; 2] = [WEB, KEYS];
    /// All of the others.
    pub const ALL: [&str; 6] = [USER, BRIDGE, SECURITY, AUDITOR, OWNER, STRANGER];
}
