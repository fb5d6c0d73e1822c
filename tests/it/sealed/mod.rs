//! Sealed columns: what lies on the disk, what each session sees, what is equal.

mod backup;
mod bytes;
mod cipher;
mod core_dump;
mod corpus;
mod definition;
mod direct;
mod equality;
mod finding;
mod intake;
mod kept_statement;
mod keys;
mod moving;
mod orm;
mod owners;
mod owners_stop;
mod persons;
mod persons_dodged;
mod persons_moved;
mod record;
mod renewal;
pub mod scene;
mod showing;
mod traces;
mod versions;
