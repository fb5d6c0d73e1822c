//! Connections that are held: by one client, by one that never reads, and what is answered meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::bridge::RunningBridge;
use crate::client::send;

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n";
const LONG: &str = "GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n";

async fn connect(from: &str, port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    let bridge = SocketAddr::from(([127, 0, 0, 1], port));
    socket.connect(bridge).await.unwrap()
}

/// What the bridge says to a request of an address before it closes the connection.
async fn ask(from: &str, port: u16, request: &str) -> String {
    let mut stream = connect(from, port).await;
    let _ = stream
        .write_all(request.replace("{port}", &port.to_string()).as_bytes())
        .await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "no answer within 5 seconds");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn idle_connections_of_one_client_leave_room_for_the_others() {
    let bridge = RunningBridge::start_with("max_connections_per_client = 8", "").await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(connect("127.0.0.1", bridge.port).await);
    }
    assert_eq!(ask("127.0.0.1", bridge.port, HEALTH).await, "");
    assert!(ask("127.0.0.2", bridge.port, HEALTH).await.contains(" 200 "));
    // A place is free when its connection goes.
    idle.clear();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(ask("127.0.0.1", bridge.port, HEALTH).await.contains(" 200 "));
}

#[tokio::test]
async fn connections_of_a_trusted_proxy_are_those_of_many_clients() {
    let server = "max_connections_per_client = 2\ntrusted_proxies = [\"127.0.0.1/32\"]";
    let bridge = RunningBridge::start_with(server, "").await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(connect("127.0.0.1", bridge.port).await);
    }
    assert!(ask("127.0.0.1", bridge.port, HEALTH).await.contains(" 200 "));
}

#[tokio::test]
async fn operation_routes_answer_on_a_listener_of_their_own_whoever_holds_the_others() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let operation = free.local_addr().unwrap().port();
    drop(free);
    let server = format!(
        "max_connections = 8\nstreams = {{ max = 4 }}\nrate_limit = {{ per_second = 1, burst = 1 }}\noperation_bind = \"127.0.0.1:{operation}\""
    );
    let bridge = RunningBridge::start_with(&server, "").await;
    for (path, status) in [("/health", 404), ("/metrics", 404), ("/metrics", 429)] {
        let answer = bridge
            .send(&format!("GET {path} HTTP/1.1\nHost: 127.0.0.1:{{port}}"))
            .await;
        assert_eq!(answer.status, status, "{path}");
    }
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(connect("127.0.0.1", bridge.port).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ask("127.0.0.2", bridge.port, HEALTH).await, "");
    for _ in 0..5 {
        for path in ["/health", "/metrics", "/openapi.json"] {
            let answer = send(operation, &format!("GET {path} HTTP/1.1\nHost: any")).await;
            assert_eq!(answer.status, 200, "{path}");
        }
    }
    let metrics = send(operation, "GET /metrics HTTP/1.1\nHost: any").await.body;
    assert!(metrics.contains("\nbridge_connections 8\n"), "{metrics}");
    assert!(
        metrics.contains("\nbridge_refused_total{place=\"everybody\",what=\"connection\"} 1\n"),
        "{metrics}"
    );
    assert_eq!(
        send(operation, "GET /v1/sessions HTTP/1.1\nHost: any")
            .await
            .code(),
        "route_not_found"
    );
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let server = "write_timeout_seconds = 1\nrate_limit = { per_second = 100000, burst = 100000 }";
    let bridge = RunningBridge::start_with(server, "").await;
    let mut stream = connect("127.0.0.1", bridge.port).await;
    let requests = 2_000;
    let text = LONG.replace("{port}", &bridge.port.to_string()).repeat(requests);
    // The bridge reads no further while it cannot write.
    let _ = tokio::time::timeout(Duration::from_secs(3), stream.write_all(text.as_bytes())).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut answers = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answers)).await;
    assert!(read.is_ok(), "the connection is still open");
    let answered = String::from_utf8_lossy(&answers).matches("HTTP/1.1 200").count();
    assert!(answered > 0 && answered < requests, "{answered} answers");
}
