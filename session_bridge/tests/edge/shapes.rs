//! Bodies, queries, paths and credentials of the wrong shape.

use crate::bridge::RunningBridge;
use crate::client::post;

const SERVICE: &str = "127.0.0.1:{port}";
const JSON: &str = "Content-Type: application/json";
const BEARER: &str = "Authorization: Bearer vs_x";

#[tokio::test]
async fn malformed_bodies_are_refused_without_an_echo() {
    let bridge = RunningBridge::start().await;
    let secret = "vt_secret_that_must_not_come_back";
    for body in [
        "{".to_owned(),
        String::new(),
        "[]".to_owned(),
        format!("{{\"ticket\": [\"{secret}\"], \"target_app\": \"floor\", \"verifier\": \"x\"}}"),
        format!("{{\"ticket\": \"{secret}\", \"target_app\": 1, \"verifier\": \"x\"}}"),
        format!("{{\"ticket\": \"{secret}\", \"target_app\": \"floor\"}}"),
        format!("{{\"ticket\": \"x\", \"target_app\": \"floor\", \"verifier\": \"x\", \"{secret}\": 1}}"),
        format!("{{\"ticket\": \"{secret}\\ud800\", \"target_app\": \"floor\", \"verifier\": \"x\"}}"),
    ] {
        let answer = bridge
            .send(&post(SERVICE, "/v1/tickets/redeem", JSON, &body))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "body_invalid"),
            "{body}"
        );
        assert!(!answer.body.contains(secret), "echoed: {}", answer.body);
    }
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let bridge = RunningBridge::start().await;
    for kind in [
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Accept: */*",
    ] {
        let answer = bridge
            .send(&post(SERVICE, "/v1/tickets/redeem", kind, "{}"))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (415, "media_type_unsupported"),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn body_over_the_limit_is_refused_with_and_without_a_length() {
    let bridge = RunningBridge::start().await;
    let body = format!("{{\"ticket\": \"{}\"}}", "x".repeat(64 * 1024));
    let answer = bridge
        .send(&post(SERVICE, "/v1/tickets/redeem", JSON, &body))
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    let chunked = format!(
        "POST /v1/tickets/redeem HTTP/1.1\nHost: {SERVICE}\n{JSON}\nTransfer-Encoding: chunked\n\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let answer = bridge.send(&chunked).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    // The control: one byte less than the limit is read, and refused for its shape.
    let body = "x".repeat(64 * 1024);
    assert_eq!(
        bridge
            .send(&post(SERVICE, "/v1/tickets/redeem", JSON, &body))
            .await
            .code(),
        "body_invalid"
    );
}

#[tokio::test]
async fn credential_of_the_other_side_is_no_credential() {
    let bridge = RunningBridge::start().await;
    for request in [
        "GET /v1/sessions/current HTTP/1.1\nHost: 127.0.0.1:{port}",
        "GET /v1/sessions/current HTTP/1.1\nHost: 127.0.0.1:{port}\nCookie: __Host-session=vs_x",
        "GET /v1/sessions/current HTTP/1.1\nHost: 127.0.0.1:{port}\nAuthorization: Basic dnM6eA==",
        "GET /v1/sessions/current?access_token=vs_x HTTP/1.1\nHost: 127.0.0.1:{port}",
        "GET /api/session HTTP/1.1\nHost: portal.localhost:{port}\nAuthorization: Bearer vs_x",
        "GET /api/session HTTP/1.1\nHost: portal.localhost:{port}\nCookie: session=vs_x",
        "GET /api/events HTTP/1.1\nHost: portal.localhost:{port}",
    ] {
        let answer = bridge.send(request).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "session_invalid"),
            "{request}"
        );
        assert_eq!(answer.headers("www-authenticate"), ["Bearer"]);
    }
    let asked = format!("GET /v1/sessions/current HTTP/1.1\nHost: {SERVICE}\n{BEARER}");
    assert_eq!(
        bridge.send(&asked).await.code(),
        "database_unavailable",
        "the control was refused"
    );
}

#[tokio::test]
async fn paths_queries_and_methods_are_checked() {
    let bridge = RunningBridge::start().await;
    for (request, status, code) in [
        ("DELETE /v1/messages/seven HTTP/1.1", 400, "path_invalid"),
        (
            "DELETE /v1/messages/99999999999999999999 HTTP/1.1",
            400,
            "path_invalid",
        ),
        ("DELETE /v1/sessions/me HTTP/1.1", 400, "path_invalid"),
        ("PUT /v1/sessions HTTP/1.1", 405, "method_not_allowed"),
        ("GET /v1/../v1/sessions HTTP/1.1", 404, "route_not_found"),
    ] {
        let answer = bridge
            .send(&format!("{request}\nHost: {SERVICE}\n{BEARER}"))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{request}"
        );
    }
    let portal = "Host: portal.localhost:{port}";
    for query in [
        "",
        "?target=floor",
        "?target=floor&challenge=x&state=y",
        "?target=floor&challenge=%00&state=%00",
    ] {
        let answer = bridge
            .send(&format!("GET /handoff/issue{query} HTTP/1.1\n{portal}"))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "query_invalid"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn person_gets_a_page_and_a_script_gets_json() {
    let bridge = RunningBridge::start().await;
    let callback = "GET /login/callback?code=x&state=y HTTP/1.1\nHost: portal.localhost:{port}";
    let page = bridge
        .send(&format!("{callback}\nSec-Fetch-Mode: navigate"))
        .await;
    assert_eq!(
        (page.status, page.headers("content-type")),
        (403, vec!["text/html; charset=utf-8"])
    );
    assert!(page.body.contains("state_mismatch") && page.body.contains("<h1>"));
    assert_eq!(bridge.send(callback).await.code(), "state_mismatch");
}
