//! Looks for secrets in what the other test program left behind.
fn main() {}
