//! A small HTTP/1.1 server for the loopback interface: one request per connection, everything bounded.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

const MAX_HEAD: u64 = 64 * 1024;
const MAX_BODY: u64 = 256 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_CONNECTIONS: usize = 64;
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A request, read in full.
#[derive(Debug, Default)]
pub struct Request {
    /// As sent.
    pub method: String,
    /// Path without query, as sent.
    pub path: String,
    /// Query without the question mark, as sent.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; empty if it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Besides content-length, connection and the hardening ones.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with a body.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.to_owned())], body: body.into() }
    }

    /// JSON.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// A refusal as JSON.
    #[must_use]
    pub fn refusal(status: u16, code: &str, detail: &str) -> Self {
        Self::json(status, &serde_json::json!({"error": code, "detail": detail}))
    }

    /// Back to a page after a form was taken in.
    #[must_use]
    pub fn see_other(location: &str) -> Self {
        Self { status: 303, headers: vec![("Location", location.to_owned())], body: Vec::new() }
    }
}

/// Serves until the process ends.
pub fn serve(listener: &TcpListener, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) {
    let handler = Arc::new(handler);
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (handler, open) = (Arc::clone(&handler), Arc::clone(&open));
        thread::spawn(move || {
            let _ = answer(&stream, handler.as_ref());
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn answer(mut stream: &TcpStream, handler: &impl Fn(&Request) -> Response) -> std::io::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    let (response, is_head) = match read(&mut BufReader::new(stream)) {
        Ok(request) => (handler(&request), request.method == "HEAD"),
        Err(status) => (Response::refusal(status, "unreadable_request", "the request cannot be read"), false),
    };
    stream.write_all(&serialise(&response, is_head))?;
    stream.flush()?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // What the client still sends after a refusal is taken off, so that it sees the answer and not a reset.
    let _ = std::io::copy(&mut stream.take(MAX_BODY), &mut std::io::sink());
    Ok(())
}

fn serialise(response: &Response, is_head: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {}\r\n", value.replace(['\r', '\n'], " ")));
    }
    head.push_str(&format!(
        "Content-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\n",
        response.body.len()
    ));
    head.push_str("X-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin-when-cross-origin\r\nX-Frame-Options: DENY\r\n\r\n");
    let mut out = head.into_bytes();
    if !is_head {
        out.extend_from_slice(&response.body);
    }
    out
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        303 => "See Other",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        _ => "Error",
    }
}

/// Reads one request, or says with which status it is refused.
fn read(input: &mut impl BufRead) -> Result<Request, u16> {
    let mut head = input.by_ref().take(MAX_HEAD);
    let first = line(&mut head)?;
    let mut parts = first.split(' ');
    let (Some(method), Some(target), Some(_version)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(400);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request =
        Request { method: method.into(), path: path.into(), query: query.into(), ..Request::default() };
    loop {
        let header = line(&mut head)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or(400u16)?;
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        if request.headers.len() > MAX_HEADERS {
            return Err(431);
        }
    }
    request.body = body(input, &request)?;
    Ok(request)
}

fn body(input: &mut impl BufRead, request: &Request) -> Result<Vec<u8>, u16> {
    if request.header("transfer-encoding").is_some() {
        return Err(501);
    }
    let length: u64 = match request.header("content-length") {
        Some(text) => text.parse().map_err(|_| 400u16)?,
        None => 0,
    };
    if length > MAX_BODY {
        return Err(413);
    }
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body).map_err(|_| 400u16)?;
    if u64::try_from(body.len()) == Ok(length) { Ok(body) } else { Err(400) }
}

fn line(head: &mut std::io::Take<impl BufRead>) -> Result<String, u16> {
    let mut text = String::new();
    head.read_line(&mut text).map_err(|_| 400u16)?;
    match text.strip_suffix('\n') {
        Some(line) => Ok(line.strip_suffix('\r').unwrap_or(line).to_owned()),
        None => Err(if head.limit() == 0 { 431 } else { 400 }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{Request, read};

    fn parse(text: &str) -> Result<Request, u16> {
        read(&mut Cursor::new(text.as_bytes()))
    }

    #[test]
    fn a_request_is_read_in_full() {
        let request =
            parse("POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi and more").unwrap();
        assert_eq!((request.path.as_str(), request.query.as_str(), request.text()), ("/a", "b=c", "hi"));
        assert_eq!(request.header("host"), Some("h"));
    }

    #[test]
    fn what_is_too_large_or_incomplete_is_refused() {
        assert_eq!(parse(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000))).unwrap_err(), 431);
        assert_eq!(parse("POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n").unwrap_err(), 413);
        assert_eq!(parse("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhi").unwrap_err(), 400);
        assert_eq!(parse("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap_err(), 501);
        assert_eq!(parse("GET / HTTP/1.1\r\nHost").unwrap_err(), 400);
        assert_eq!(parse(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101))).unwrap_err(), 431);
    }
}
