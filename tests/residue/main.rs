//! Looks for secrets where none may be: in the logs that the servers of the other test programs left, and, after a
//! scene of its own that meets every function which handles a secret, in the log, the data files, the write-ahead log
//! and the statistics of a server.
//!
//! Cargo runs this program after `it`, so the first test reads the logs of that whole run.

#[cfg(test)]
mod logs;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod server;
