//! Sealed columns: what lies on the disk, what each session sees, what is equal.

mod backup;
mod bytes;
mod definition;
mod equality;
mod keys;
mod moving;
mod orm;
pub mod scene;
mod showing;
