//! Identity tokens, verified as in service: discovery and keys come over HTTP.

#[cfg(test)]
mod provider;
#[cfg(test)]
mod tokens;
