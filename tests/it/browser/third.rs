//! A site that belongs to nobody the bridge knows: an empty page on an origin of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vpd_tests::Result;

/// The running site.
pub struct ThirdOrigin {
    origin: String,
    port: u16,
    is_over: Arc<AtomicBool>,
}

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html><title>third</title><body>";

impl ThirdOrigin {
    /// Starts it on a free port of loopback.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if seen.load(Ordering::Relaxed) {
                    break;
                }
                // A browser that goes away in the middle is no concern of this site.
                let _answered = answer(stream);
            }
        });
        Ok(Self {
            origin: format!("http://third.localhost:{port}"),
            port,
            is_over,
        })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for ThirdOrigin {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees the end.
        let _stream = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let _read = stream.read(&mut [0; 4096])?;
    stream.write_all(PAGE.as_bytes())
}
