//! Sessions, tickets, messages: who may be served, how a session reaches another front end, how it stays alive.

mod app;
mod attachment;
mod derive;
mod end;
pub mod ending;
mod era;
mod issuance;
mod line;
mod message;
mod on_behalf;
mod profile;
mod provenance;
mod store;
mod ticket;
mod token;

pub use app::{Registration, drop_app, register, require_target as require_app};
pub use attachment::{attach, attach_anonymous, live_sessions, liveness, relation_changed};
pub use end::{
    end_all, end_by_id, end_by_token, end_issuer, end_login, end_own, end_user, log_out, transaction_commits,
};
pub use era::of_issuer as issuer_generation;
pub use message::{Verdict, acknowledge, browse, record, validate};
pub use on_behalf::{create as create_on_behalf, create_chain};
pub use profile::{grant, revoke};
pub use provenance::{Provenance, of as provenance};
pub use store::{NewSession, Origin, create};
pub use ticket::{issue, redeem};

pub(crate) use end::end_dead;
