//! A relay between a client that knows nothing of sessions and the server: it attaches the session to each transaction and reads
//! every answer. It is for plain, unencrypted connections and the simple protocol.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use vpd_tests::{Cluster, Result};

use crate::scene::{HIDDEN, HIDDEN_NUMBER, VISIBLE};

/// What passed.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// Statements between BEGIN and ROLLBACK.
    pub statements: usize,
    /// Errors the server answered.
    pub errors: usize,
    /// Rows.
    pub rows: usize,
    /// Rows with the mark of those that may be seen.
    pub visible: usize,
    /// Messages with the mark of those that may not.
    pub hidden: usize,
    /// Statements that such messages answered; the first few.
    pub leaks: Vec<String>,
}

/// A relay that listens.
pub struct Relay {
    port: u16,
    counts: Arc<Mutex<Counts>>,
}

impl Relay {
    /// Listens on loopback and relays to the server's socket.
    pub fn start(cluster: &Cluster, token: String) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Mutex::new(Counts::default()));
        let socket = cluster
            .socket_folder()
            .join(format!(".s.PGSQL.{}", cluster.port()));
        let shared = Arc::clone(&counts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&socket) else {
                    continue;
                };
                // A connection that breaks is the client's to notice.
                let _started = serve(client, server, &token, &shared);
            }
        });
        Ok(Self { port, counts })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What passed so far.
    pub fn counts(&self) -> Counts {
        locked(&self.counts).clone()
    }
}

fn serve(client: TcpStream, server: UnixStream, token: &str, counts: &Arc<Mutex<Counts>>) -> Result<()> {
    client.set_nodelay(true)?;
    let statement = Arc::new(Mutex::new(String::new()));
    let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let (answered, shared) = (Arc::clone(&statement), Arc::clone(counts));
    thread::spawn(move || {
        while let Ok((kind, body)) = message(&mut from_server) {
            look_at(kind, &body, &answered, &shared);
            if send(&mut to_client, kind, &body).is_err() {
                break;
            }
        }
        let _closed = to_client.shutdown(std::net::Shutdown::Both);
    });
    let (mut from_client, mut to_server) = (client, server);
    let (token, counts) = (token.to_owned(), Arc::clone(counts));
    thread::spawn(move || {
        let _ended = forward(&mut from_client, &mut to_server, &token, &statement, &counts);
        let _closed = to_server.shutdown(std::net::Shutdown::Both);
    });
    Ok(())
}

/// Passes on the start of the connection, then each message; the session is attached with every BEGIN.
fn forward(
    client: &mut TcpStream,
    server: &mut UnixStream,
    token: &str,
    statement: &Mutex<String>,
    counts: &Mutex<Counts>,
) -> Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut start = vec![0; usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4)];
    client.read_exact(&mut start)?;
    server.write_all(&length)?;
    server.write_all(&start)?;
    // sqlsmith rolls back before it begins each of its statements; its look at the catalogue does not.
    let (mut has_rolled_back, mut is_counted) = (false, false);
    loop {
        let (kind, mut body) = message(client)?;
        if kind == b'Q' {
            let text = String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned();
            let word = text.trim().trim_end_matches(';').to_ascii_uppercase();
            if word == "BEGIN" {
                body = format!("BEGIN; SELECT vpd.attach_session('{token}')\0").into_bytes();
                is_counted = has_rolled_back;
            } else if word != "ROLLBACK" && is_counted {
                locked(counts).statements += 1;
            }
            has_rolled_back = word == "ROLLBACK";
            *locked(statement) = text;
        }
        send(server, kind, &body)?;
    }
}

fn look_at(kind: u8, body: &[u8], statement: &Mutex<String>, counts: &Mutex<Counts>) {
    let has = |mark: &str| body.windows(mark.len()).any(|window| window == mark.as_bytes());
    let mut counts = locked(counts);
    match kind {
        b'E' => counts.errors += 1,
        b'D' => {
            counts.rows += 1;
            counts.visible += usize::from(has(VISIBLE));
        }
        _ => (),
    }
    // A statement may well write the mark itself: sqlsmith knows no literals of that kind, so it does not.
    if has(HIDDEN) || has(HIDDEN_NUMBER) {
        counts.hidden += 1;
        if counts.leaks.len() < 3 {
            counts.leaks.push(format!(
                "{}\n-- answered: {}",
                locked(statement),
                String::from_utf8_lossy(body)
            ));
        }
    }
}

/// One message: its kind and what follows its length.
fn message(stream: &mut impl Read) -> Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = vec![0; usize::try_from(length)?.saturating_sub(4)];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}

fn send(stream: &mut impl Write, kind: u8, body: &[u8]) -> Result<()> {
    let mut whole = vec![kind];
    whole.extend(u32::try_from(body.len() + 4)?.to_be_bytes());
    whole.extend(body);
    stream.write_all(&whole)?;
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
