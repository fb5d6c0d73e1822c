//! The built-in identity provider: what it refuses, and that the bridge judges no token.

use crate::bridge::RunningBridge;
use crate::client::post;

const LOGIN: &str = "login.localhost:{port}";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

async fn password_token(bridge: &RunningBridge) -> String {
    let request = post(
        LOGIN,
        "/token",
        FORM,
        "grant_type=password&username=alice&password=alice",
    );
    let answer = bridge.send(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["id_token"].as_str().unwrap().to_owned()
}

async fn create_session(bridge: &RunningBridge, token: &str) -> String {
    let body = format!("{{\"identity_token\": \"{token}\", \"app\": \"portal\"}}");
    bridge
        .send(&post(
            "127.0.0.1:{port}",
            "/v1/sessions",
            "Content-Type: application/json",
            &body,
        ))
        .await
        .code()
}

#[tokio::test]
async fn every_token_is_left_to_the_database() {
    let bridge = RunningBridge::start().await;
    let token = password_token(&bridge).await;
    assert_eq!(create_session(&bridge, &token).await, "database_unavailable");
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let middle = parts[1].len() / 2;
    let changed = if &parts[1][middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    parts[1].replace_range(middle..=middle, changed);
    for other in [parts.join("."), "x.y.z".to_owned(), String::new()] {
        assert_eq!(create_session(&bridge, &other).await, "database_unavailable");
    }
}

#[tokio::test]
async fn wrong_password_client_and_grant_are_refused() {
    let bridge = RunningBridge::start().await;
    for (form, error) in [
        ("grant_type=password&username=alice&password=bob", "invalid_grant"),
        (
            "grant_type=password&username=mallory&password=mallory",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=alice&password=alice&client_id=other",
            "invalid_client",
        ),
        ("grant_type=authorization_code&code=x", "invalid_grant"),
        ("grant_type=client_credentials", "unsupported_grant_type"),
    ] {
        let answer = bridge.send(&post(LOGIN, "/token", FORM, form)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(error), "{form}: {}", answer.body);
    }
}

#[tokio::test]
async fn authorization_redirects_to_registered_addresses_only() {
    let bridge = RunningBridge::start().await;
    let login = bridge
        .send("GET /login HTTP/1.1\nHost: portal.localhost:{port}")
        .await;
    let location = login.headers("location").concat();
    let path = location
        .split_once("localhost")
        .unwrap()
        .1
        .split_once('/')
        .unwrap()
        .1
        .to_owned();
    let page = bridge.send(&format!("GET /{path} HTTP/1.1\nHost: {LOGIN}")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("name=\"username\"") && page.body.contains("name=\"password\""));
    let registered = "redirect_uri=http%3A%2F%2Fportal.localhost";
    assert!(path.contains(registered), "{path}");
    for edited in [
        path.replace(registered, "redirect_uri=http%3A%2F%2Fevil.example"),
        path.replace("client_id=session-bridge", "client_id=other"),
        path.replace("code_challenge_method=S256", "code_challenge_method=plain"),
    ] {
        assert_ne!(edited, path);
        let answer = bridge
            .send(&format!("GET /{edited} HTTP/1.1\nHost: {LOGIN}"))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "query_invalid"),
            "{edited}"
        );
    }
    let foreign = format!("{FORM}\nOrigin: http://evil.example");
    let answer = bridge
        .send(&post(
            LOGIN,
            "/authorize",
            &foreign,
            "username=alice&password=alice",
        ))
        .await;
    assert_eq!(answer.code(), "origin_refused");
}
