//! A page of another origin changes nothing, even with the victim's cookie.

use crate::bridge::RunningBridge;
use crate::client::post;

const COOKIE: &str = "Cookie: __Host-session=vs_x";
const PORTAL: &str = "portal.localhost:{port}";

#[tokio::test]
async fn state_changing_routes_refuse_other_origins() {
    let bridge = RunningBridge::start().await;
    let foreign = [
        "Origin: http://floor.localhost:{port}",
        "Origin: null",
        "Origin: http://portal.localhost:{port}\nSec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Accept: */*",
    ];
    for path in [
        "/logout",
        "/api/messages",
        "/api/messages/validate",
        "/api/messages/7/ack",
        "/handoff/start",
    ] {
        for origin in foreign {
            let answer = bridge
                .send(&post(PORTAL, path, &format!("{COOKIE}\n{origin}"), ""))
                .await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "origin_refused"),
                "{path} {origin}"
            );
            assert!(answer.headers("set-cookie").is_empty());
        }
    }
}

#[tokio::test]
async fn own_pages_get_through_to_the_database() {
    // The control: the same request from the application's own page is not refused, it fails for want of a database.
    let bridge = RunningBridge::start().await;
    for origin in [
        "Origin: http://portal.localhost:{port}",
        "Sec-Fetch-Site: same-origin",
    ] {
        let answer = bridge
            .send(&post(PORTAL, "/logout", &format!("{COOKIE}\n{origin}"), ""))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "database_unavailable"),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn handoff_starts_with_a_cookie_that_only_this_host_can_read() {
    let bridge = RunningBridge::start().await;
    let start = post(
        "floor.localhost:{port}",
        "/handoff/start",
        "Sec-Fetch-Site: same-origin",
        "",
    );
    let answer = bridge.send(&start).await;
    // Not a redirect: the form-action of floor's pages would apply to it.
    assert_eq!(answer.status, 200);
    let location = format!(
        "content=\"0;url=http://portal.localhost:{}/handoff/issue?target=floor&amp;challenge=",
        bridge.port
    );
    assert!(answer.body.contains(&location), "{}", answer.body);
    let cookie = answer.headers("set-cookie").concat();
    assert!(cookie.starts_with("__Host-handoff="));
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=None", "Max-Age=120"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let verifier = cookie.split([';', '.']).nth(1).unwrap();
    assert!(!answer.body.contains(verifier), "the verifier is in the address");
}

#[tokio::test]
async fn only_the_target_starts_and_only_the_source_issues() {
    let bridge = RunningBridge::start().await;
    let start = post(PORTAL, "/handoff/start", "Sec-Fetch-Site: same-origin", "");
    assert_eq!(bridge.send(&start).await.code(), "handoff_not_found");
    let token = "A".repeat(43);
    for (host, target) in [
        ("floor.localhost:{port}", "floor"),
        (PORTAL, "portal"),
        (PORTAL, "ledger"),
    ] {
        let path = format!("/handoff/issue?target={target}&challenge={token}&state={token}");
        let answer = bridge
            .send(&format!("GET {path} HTTP/1.1\nHost: {host}\n{COOKIE}"))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "handoff_not_found"),
            "{host} {target}"
        );
    }
}

#[tokio::test]
async fn redemption_wants_the_source_and_this_browsers_state() {
    let bridge = RunningBridge::start().await;
    let floor = "floor.localhost:{port}";
    let form = "Content-Type: application/x-www-form-urlencoded";
    let source = "Origin: http://portal.localhost:{port}";
    let cookie = "Cookie: __Host-handoff=state.verifier";
    for (headers, state, code) in [
        (vec![form, cookie], "state", "origin_refused"),
        (
            vec![form, cookie, "Origin: http://floor.localhost:{port}"],
            "state",
            "origin_refused",
        ),
        (
            vec![form, cookie, "Origin: http://evil.example"],
            "state",
            "origin_refused",
        ),
        (
            vec![form, cookie, source, "Origin: http://evil.example"],
            "state",
            "origin_refused",
        ),
        (vec![form, source], "state", "state_mismatch"),
        (vec![form, source, cookie], "other", "state_mismatch"),
        (vec![form, source, cookie], "", "state_mismatch"),
        (
            vec![form, source, cookie, "Cookie: __Host-handoff=state.other"],
            "state",
            "state_mismatch",
        ),
    ] {
        let request = post(
            floor,
            "/handoff/redeem",
            &headers.join("\n"),
            &format!("ticket=vt_x&state={state}"),
        );
        let answer = bridge.send(&request).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, code),
            "{headers:?} {state}"
        );
    }
    let request = post(
        floor,
        "/handoff/redeem",
        &[form, source, cookie].join("\n"),
        "ticket=vt_x&state=state",
    );
    assert_eq!(
        bridge.send(&request).await.code(),
        "database_unavailable",
        "the control was refused"
    );
}

#[tokio::test]
async fn login_that_this_browser_did_not_start_is_refused() {
    let bridge = RunningBridge::start().await;
    let login = bridge.send(&format!("GET /login HTTP/1.1\nHost: {PORTAL}")).await;
    assert_eq!(login.status, 303);
    let cookie = login.headers("set-cookie").concat();
    assert!(cookie.contains("SameSite=Lax") && cookie.contains("HttpOnly") && cookie.contains("Secure"));
    let own = cookie.split(';').next().unwrap();
    let state = own.split(['=', '.']).nth(1).unwrap();
    for (cookie, state) in [
        ("Accept: */*".to_owned(), state),
        (format!("Cookie: {own}"), "other"),
    ] {
        let path = format!("/login/callback?code=x&state={state}");
        let answer = bridge
            .send(&format!("GET {path} HTTP/1.1\nHost: {PORTAL}\n{cookie}"))
            .await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "state_mismatch"));
    }
    // The control: with its own cookie and state the provider is asked, which does not know the code.
    let path = format!("/login/callback?code=x&state={state}");
    let answer = bridge
        .send(&format!("GET {path} HTTP/1.1\nHost: {PORTAL}\nCookie: {own}"))
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "identity_invalid"));
}
