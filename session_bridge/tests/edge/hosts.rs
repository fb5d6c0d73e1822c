//! Each host answers its own routes, and an unknown one nothing.

use crate::bridge::RunningBridge;

#[tokio::test]
async fn unknown_host_gets_nothing() {
    let bridge = RunningBridge::start().await;
    for host in [
        "evil.example",
        "portal.localhost",
        "portal.localhost:{port}.evil.example",
        "10.0.0.1:{port}",
    ] {
        let answer = bridge.send(&format!("GET /health HTTP/1.1\nHost: {host}")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (421, "host_unknown"),
            "{host}"
        );
    }
}

#[tokio::test]
async fn missing_or_doubtful_host_is_refused() {
    let bridge = RunningBridge::start().await;
    for request in [
        "GET /health HTTP/1.1",
        "GET /health HTTP/1.1\nHost: 127.0.0.1:{port}\nHost: portal.localhost:{port}",
        "GET http://portal.localhost:{port}/health HTTP/1.1\nHost: 127.0.0.1:{port}",
    ] {
        let answer = bridge.send(request).await;
        assert_eq!(answer.status, 400, "{request}");
    }
}

#[tokio::test]
async fn routes_answer_on_their_own_host_only() {
    let bridge = RunningBridge::start().await;
    for (host, path) in [
        ("portal.localhost:{port}", "/v1/sessions/current"),
        ("portal.localhost:{port}", "/metrics"),
        ("portal.localhost:{port}", "/authorize"),
        ("127.0.0.1:{port}", "/api/session"),
        ("127.0.0.1:{port}", "/jwks.json"),
        ("login.localhost:{port}", "/api/session"),
    ] {
        let answer = bridge.send(&format!("GET {path} HTTP/1.1\nHost: {host}")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "route_not_found"),
            "{host} {path}"
        );
    }
    for host in [
        "portal.localhost:{port}",
        "127.0.0.1:{port}",
        "login.localhost:{port}",
    ] {
        let answer = bridge.send(&format!("GET /health HTTP/1.1\nHost: {host}")).await;
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_protecting_headers() {
    let bridge = RunningBridge::start().await;
    for request in [
        "GET /health HTTP/1.1\nHost: 127.0.0.1:{port}",
        "GET / HTTP/1.1\nHost: evil.example",
    ] {
        let answer = bridge.send(request).await;
        assert_eq!(answer.headers("x-content-type-options"), ["nosniff"]);
        assert_eq!(answer.headers("x-frame-options"), ["DENY"]);
        assert_eq!(answer.headers("cache-control"), ["no-store"]);
        let policy = answer.headers("content-security-policy").concat();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert!(
            answer.headers("strict-transport-security").is_empty(),
            "plain HTTP promises no TLS"
        );
    }
    let behind_proxy = RunningBridge::start_with("behind_tls_proxy = true", "").await;
    let answer = behind_proxy
        .send("GET /health HTTP/1.1\nHost: 127.0.0.1:{port}")
        .await;
    assert_eq!(answer.headers("strict-transport-security"), ["max-age=31536000"]);
}
