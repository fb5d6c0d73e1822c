//! Scripts of other origins: none by default, an exact list when there is one, never with cookies.

use crate::bridge::RunningBridge;

const PREFLIGHT: &str = "OPTIONS /v1/sessions HTTP/1.1\nAccess-Control-Request-Method: POST";

#[tokio::test]
async fn no_origin_is_allowed_by_default() {
    let bridge = RunningBridge::start().await;
    for host in ["127.0.0.1:{port}", "portal.localhost:{port}"] {
        let answer = bridge
            .send(&format!(
                "{PREFLIGHT}\nHost: {host}\nOrigin: https://partner.example"
            ))
            .await;
        assert_ne!(answer.status / 100, 2);
        assert!(!answer.head.to_ascii_lowercase().contains("access-control-allow"));
    }
}

#[tokio::test]
async fn listed_origins_are_compared_exactly() {
    let bridge = RunningBridge::start_with("cors_origins = [\"https://partner.example\"]", "").await;
    let service = "Host: 127.0.0.1:{port}";
    let answer = bridge
        .send(&format!(
            "{PREFLIGHT}\n{service}\nOrigin: https://partner.example"
        ))
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.headers("access-control-allow-origin"),
        ["https://partner.example"]
    );
    assert!(answer.headers("access-control-allow-credentials").is_empty());
    assert_eq!(answer.headers("vary"), ["origin"]);
    for origin in [
        "https://partner.example.evil.example",
        "http://partner.example",
        "https://PARTNER.example",
        "null",
    ] {
        let answer = bridge
            .send(&format!("{PREFLIGHT}\n{service}\nOrigin: {origin}"))
            .await;
        assert!(
            answer.headers("access-control-allow-origin").is_empty(),
            "{origin}"
        );
    }
    let refused = format!("GET /v1/sessions/current HTTP/1.1\n{service}\nOrigin: https://partner.example");
    assert_eq!(
        bridge.send(&refused).await.headers("access-control-allow-origin"),
        ["https://partner.example"]
    );
    let browser = format!("{PREFLIGHT}\nHost: portal.localhost:{{port}}\nOrigin: https://partner.example");
    assert!(
        bridge
            .send(&browser)
            .await
            .headers("access-control-allow-origin")
            .is_empty()
    );
}
