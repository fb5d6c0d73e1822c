//! An identity provider as far as keys are concerned: it publishes a discovery document and keys over loopback HTTP, and can be down or wrong in many ways.
//!
//! It signs nothing (that is `issuer`), and logs nobody in. It stops when it goes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::Result;

/// A provider of keys.
#[derive(Debug)]
pub struct Publisher {
    issuer: String,
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// What it answers under each path: the head after the version, and the body.
    answers: Mutex<Vec<(String, String, String)>>,
    requests: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Publisher {
    /// Starts one that publishes these keys.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start(keys: &[Value]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if served.is_stopped.load(Ordering::Relaxed) {
                    break;
                }
                // Whoever leaves in the middle gets no answer.
                let _left = stream.and_then(|stream| served.answer(stream));
            }
        });
        let publisher = Self {
            issuer: format!("http://127.0.0.1:{port}"),
            port,
            shared,
            thread: Some(thread),
        };
        publisher.publish(keys);
        Ok(publisher)
    }

    /// Its name, which is its address.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Publishes these keys, and a good discovery document.
    pub fn publish(&self, keys: &[Value]) {
        let issuer = &self.issuer;
        let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks.json")});
        self.answer_with(
            "/.well-known/openid-configuration",
            "200 OK",
            &discovery.to_string(),
        );
        self.answer_with("/jwks.json", "200 OK", &json!({ "keys": keys }).to_string());
    }

    /// Answers a path with a status, with further lines of the head perhaps, and a body.
    pub fn answer_with(&self, path: &str, head: &str, body: &str) {
        let mut answers = self.shared.answers();
        answers.retain(|(known, ..)| known != path);
        answers.push((path.to_owned(), head.to_owned(), body.to_owned()));
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn answers(&self) -> MutexGuard<'_, Vec<(String, String, String)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (mut head, mut part) = (Vec::new(), [0; 1024]);
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut part)? {
                0 => return Ok(()),
                count => head.extend_from_slice(&part[..count]),
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path == "/jwks.json" {
            self.requests.fetch_add(1, Ordering::SeqCst);
        }
        let found = self.answers().iter().find(|(known, ..)| known == path).cloned();
        let (_, head, body) =
            found.unwrap_or_else(|| (String::new(), "404 Not Found".to_owned(), String::new()));
        write!(
            stream,
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        // It waits for a caller: the last one is this.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
