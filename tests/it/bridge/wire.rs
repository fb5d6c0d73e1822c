//! A client that sends exactly what a test says and reads what comes back.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use vpd_tests::{Result, onward};

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A text in the JSON of the body.
    pub fn text(&self, name: &str) -> Result<String> {
        let body: Value =
            serde_json::from_str(&self.body).map_err(|_| format!("{}: no JSON", self.status))?;
        Ok(body[name]
            .as_str()
            .ok_or_else(|| format!("{}: no {name}", self.status))?
            .to_owned())
    }

    /// Status and code of a problem.
    pub fn refusal(&self) -> Result<(u16, String)> {
        Ok((self.status, self.text("code")?))
    }

    /// Values of a header.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Where a redirect leads, or a page that goes on by itself.
    pub fn location(&self) -> Result<String> {
        if let Some(address) = onward(&self.body) {
            assert_eq!(self.status, 200, "{}", self.body);
            return Ok(address);
        }
        assert_eq!(self.status, 303, "{}", self.body);
        Ok(self.headers("location").next().ok_or("no location")?.to_owned())
    }

    /// `name=value` of a cookie that was set.
    pub fn cookie(&self, name: &str) -> Result<String> {
        let cookie = self
            .headers("set-cookie")
            .find(|cookie| cookie.starts_with(&format!("{name}=")));
        let cookie = cookie.ok_or_else(|| format!("{} sets no cookie {name}", self.status))?;
        Ok(cookie.split(';').next().unwrap_or_default().to_owned())
    }

    /// The value of a hidden field in the page.
    pub fn field(&self, name: &str) -> Result<String> {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .body
            .split_once(&start)
            .ok_or_else(|| format!("no field {name}"))?;
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }
}

/// Opens a connection and sends one request on it.
pub fn open(port: u16, host: &str, line: &str, headers: &[&str], body: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    match stream.write_all(body.as_bytes()) {
        // The bridge has answered, and reads no more of a body that is too long.
        Err(error) if is_cut(&error) => Ok(stream),
        sent => Ok(sent.map(|()| stream)?),
    }
}

/// Whether the other side has ended the connection.
fn is_cut(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// Sends a request and reads the whole answer.
pub fn send(port: u16, host: &str, line: &str, headers: &[&str], body: &str) -> Result<Answer> {
    let mut bytes = Vec::new();
    match open(port, host, line, headers, body)?.read_to_end(&mut bytes) {
        Err(error) if is_cut(&error) => (),
        read => drop(read?),
    }
    let text = String::from_utf8(bytes)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// An event stream.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Opens the stream of a bearer token and reads its head.
    pub fn open(port: u16, host: &str, token: &str) -> Result<Self> {
        let bearer = format!("Authorization: Bearer {token}");
        let mut lines = BufReader::new(open(port, host, "GET /v1/events", &[&bearer], "")?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if lines.read_line(&mut head)? == 0 {
                return Err(format!("no stream: {head}").into());
            }
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(
            head.to_ascii_lowercase().contains("x-accel-buffering: no"),
            "{head}"
        );
        Ok(Self(lines))
    }

    /// Id and reason of the next event, which has to be a close.
    pub fn close(&mut self) -> Result<(i64, String)> {
        let (kind, data) = self.event()?;
        assert_eq!(kind, "close");
        let reason = data["reason"].as_str().unwrap_or_default().to_owned();
        Ok((data["id"].as_i64().ok_or("no id")?, reason))
    }

    /// Kind and data of the next event.
    pub fn event(&mut self) -> Result<(String, Value)> {
        let (mut kind, mut line) = (String::new(), String::new());
        while self.0.read_line(&mut line)? > 0 {
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut kind);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Ok((kind, serde_json::from_str(data)?));
            }
            line.clear();
        }
        Err("the stream ended without an event".into())
    }

    /// True when the stream ends without another event.
    pub fn ends(mut self) -> Result<bool> {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest)?;
        Ok(!rest.contains("event:"))
    }
}
