//! Policy `address`: who the client is on the network, and whether its range is refused (PO-4).
//!
//! Invariant: `X-Forwarded-For` counts only when the connection comes from a trusted proxy, and is read from its end, up to the
//! first address that is not a trusted proxy: what a client wrote itself stands before that.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use super::Shared;
use super::problem::Problem;

/// Address of the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// Address of the client.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// The connection is that of a trusted proxy, so what it says of the request is believed.
#[derive(Debug, Clone, Copy)]
pub struct ByProxy;

/// Finds the client's address; runs before everything, so that the log has it.
pub async fn find_client(State(bridge): State<Shared>, mut request: Request, next: Next) -> Response {
    if let Some(PeerAddress(peer)) = request.extensions().get().copied() {
        let client = client_of(
            peer.ip(),
            request.headers(),
            &bridge.config.server.trusted_proxies,
        );
        request.extensions_mut().insert(ClientAddress(client));
        if contains(&bridge.config.server.trusted_proxies, peer.ip().to_canonical()) {
            request.extensions_mut().insert(ByProxy);
        }
    }
    next.run(request).await
}

/// Refuses the ranges of the configuration, and a request whose address is not known.
pub async fn refuse_ranges(
    State(bridge): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match request.extensions().get::<ClientAddress>() {
        Some(client) if !contains(&bridge.config.server.deny, client.0) => Ok(next.run(request).await),
        _ => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "address_blocked",
            "requests from this address are refused",
        )
        .hint("Ask the operator.")),
    }
}

/// An address, which some proxies write with its port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    hop.parse::<IpAddr>().or_else(|_| with_port()).ok()
}

/// One subscriber has a whole /64 of IPv6.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn client_of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .collect();
    for hop in forwarded.into_iter().rev() {
        if !contains(proxies, client) {
            break;
        }
        match address_of(hop) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

pub fn contains(ranges: &[IpNet], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
        client_of(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn forwarded_header_of_a_stranger_is_not_believed() {
        assert_eq!(client("192.0.2.7", &["203.0.113.9"]), "192.0.2.7");
    }

    #[test]
    fn forwarded_header_is_read_from_its_trusted_end() {
        assert_eq!(client("127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            client("127.0.0.1", &["198.51.100.1, 203.0.113.9, 10.1.2.3"]),
            "203.0.113.9"
        );
        assert_eq!(
            client("127.0.0.1", &["198.51.100.1", "203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(client("127.0.0.1", &["198.51.100.1, nonsense"]), "127.0.0.1");
        assert_eq!(client("::ffff:127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            client("127.0.0.1", &["203.0.113.9:51234, 10.1.2.3:80"]),
            "203.0.113.9"
        );
        assert_eq!(client("127.0.0.1", &["[2001:db8::7]:443"]), "2001:db8::7");
    }
}
