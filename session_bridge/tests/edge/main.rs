//! What the bridge refuses before it asks the database: hosts, origins, addresses, sizes, shapes. The whole chain runs, over real
//! connections; the database named in the configuration is never reached, and a test that reached it would see `503`.

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod client;

#[cfg(test)]
mod abuse;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod csrf;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod places;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod tls;

#[cfg(test)]
use std::sync::Once;

/// The cryptography provider, once for all tests of this process.
#[cfg(test)]
fn set_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}
