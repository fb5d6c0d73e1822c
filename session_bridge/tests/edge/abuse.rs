//! Addresses, speed and slowness.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bridge::RunningBridge;

const HEALTH: &str = "GET /health HTTP/1.1\nHost: 127.0.0.1:{port}";

#[tokio::test]
async fn denied_range_is_refused_and_forwarded_addresses_count_from_trusted_proxies_only() {
    let denied = RunningBridge::start_with("deny = [\"127.0.0.0/8\"]", "").await;
    let answer = denied.send(HEALTH).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "address_blocked"));

    let forwarded = format!("{HEALTH}\nX-Forwarded-For: 203.0.113.9");
    let strangers = RunningBridge::start_with("deny = [\"203.0.113.0/24\"]", "").await;
    assert_eq!(strangers.send(&forwarded).await.status, 200);
    let trusting = "deny = [\"203.0.113.0/24\"]\ntrusted_proxies = [\"127.0.0.1/32\"]";
    let proxied = RunningBridge::start_with(trusting, "").await;
    assert_eq!(proxied.send(&forwarded).await.code(), "address_blocked");
    assert_eq!(proxied.send(HEALTH).await.status, 200);
}

#[tokio::test]
async fn too_many_requests_are_refused_and_told_when_to_come_back() {
    let bridge = RunningBridge::start_with("rate_limit = { per_second = 1, burst = 3 }", "").await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let answer = bridge
            .send("GET /openapi.json HTTP/1.1\nHost: 127.0.0.1:{port}")
            .await;
        if answer.status == 429 {
            assert_eq!(answer.code(), "limit_rate");
            assert_eq!(answer.headers("retry-after"), ["1"]);
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses[3..].contains(&429), "{statuses:?}");
    // Who asks whether the bridge is alive restarts it when he is refused.
    for _ in 0..5 {
        assert_eq!(bridge.send(HEALTH).await.status, 200);
    }
}

#[tokio::test]
async fn slow_head_is_cut_off() {
    let bridge = RunningBridge::start_with("header_timeout_seconds = 1", "").await;
    let mut stream = TcpStream::connect(("127.0.0.1", bridge.port)).await.unwrap();
    let began = Instant::now();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: ").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection is still open after 5 seconds");
    assert!(began.elapsed() >= Duration::from_millis(900));
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
}

#[tokio::test]
async fn slow_body_is_cut_off() {
    let bridge = RunningBridge::start_with("request_timeout_seconds = 1", "").await;
    let head = "POST /v1/tickets/redeem HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Type: application/json\nContent-Length: 100\n\n{";
    let answer = tokio::time::timeout(Duration::from_secs(5), bridge.send(head))
        .await
        .unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
}

#[tokio::test]
async fn endless_head_is_refused() {
    let bridge = RunningBridge::start().await;
    let answer = bridge
        .send(&format!("{HEALTH}\nX-Long: {}", "x".repeat(256 * 1024)))
        .await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_trusted_proxy_names_the_request_and_nobody_else_does() {
    let named = format!("{HEALTH}\nX-Request-Id: from-the-proxy-7");
    let strangers = RunningBridge::start().await;
    let own = strangers.send(&named).await.headers("x-request-id").concat();
    assert!(
        own.len() == 32 && own.chars().all(|letter| letter.is_ascii_hexdigit()),
        "{own}"
    );
    let proxied = RunningBridge::start_with("trusted_proxies = [\"127.0.0.1/32\"]", "").await;
    assert_eq!(
        proxied.send(&named).await.headers("x-request-id"),
        ["from-the-proxy-7"]
    );
    let forged = format!("{HEALTH}\nX-Request-Id: a b");
    assert_ne!(proxied.send(&forged).await.headers("x-request-id"), ["a b"]);
}
