//! A small client of HTTP/1.1 that says exactly what it is told to, and reads what comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Nothing takes longer, unless it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body, which says that it is JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    ask_over(&mut connect(address), method, target, headers, body)
}

/// The same on a connection that is there.
pub(crate) fn ask_over(stream: &mut (impl Read + Write), method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    stream.write_all(&head(method, target, headers, Some(body.len()))).unwrap();
    stream.write_all(body).unwrap();
    stream.flush().unwrap();
    read(&mut BufReader::new(stream)).expect("an answer")
}

/// The bytes before a body.
pub(crate) fn head(method: &str, target: &str, headers: &[(&str, &str)], body_bytes: Option<usize>) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += "host: localhost\r\n";
    }
    headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    if let Some(bytes) = body_bytes {
        head += &format!("connection: close\r\ncontent-length: {bytes}\r\n");
    }
    (head + "\r\n").into_bytes()
}

/// Reads one answer to its end.
pub(crate) fn read(stream: &mut impl BufRead) -> std::io::Result<Answer> {
    let (status, headers) = read_head(stream)?;
    let mut answer = Answer { status, headers, body: Vec::new() };
    if answer.header("transfer-encoding") == Some("chunked") {
        while let Some(chunk) = read_chunk(stream)? {
            answer.body.extend(chunk);
        }
    } else if let Some(length) = answer.header("content-length") {
        answer.body = vec![0; length.parse().expect("a length")];
        stream.read_exact(&mut answer.body)?;
    }
    Ok(answer)
}

pub(crate) fn read_head(stream: &mut impl BufRead) -> std::io::Result<(u16, Vec<(String, String)>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let status = lines[0].split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {lines:?}"));
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).expect("a header");
    Ok((status, lines[1..].iter().map(header).collect()))
}

/// The next piece of a body whose length nobody knew; none if that was all.
pub(crate) fn read_chunk(stream: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let length = usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|_| panic!("no length of a chunk: {line:?}"));
    let mut chunk = vec![0; length + 2];
    stream.read_exact(&mut chunk)?;
    chunk.truncate(length);
    Ok((length > 0).then_some(chunk))
}

/// A server-sent event, or a comment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: String,
    pub(crate) comment: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A stream of server-sent events, while it comes.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    text: String,
}

impl Events {
    pub(crate) fn open(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = connect(address);
        stream.write_all(&head("GET", target, headers, None)).unwrap();
        let mut stream = BufReader::new(stream);
        let (status, headers) = read_head(&mut stream).unwrap();
        assert_eq!(status, 200);
        assert!(headers.contains(&("content-type".into(), "text/event-stream".into())), "{headers:?}");
        Self { stream, text: String::new() }
    }

    /// The next event or comment; none if the stream has ended.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                return Some(event);
            }
            self.text += &String::from_utf8(read_chunk(&mut self.stream).expect("more, or a proper end")?).unwrap();
        }
    }

    /// The next that is no comment.
    pub(crate) fn event(&mut self) -> Event {
        loop {
            let event = self.next().expect("another event");
            if event.comment.is_empty() {
                return event;
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(':').map(|(name, value)| (name, value.strip_prefix(' ').unwrap_or(value))) {
            Some(("event", value)) => event.name = value.into(),
            Some(("id", value)) => event.id = Some(value.into()),
            Some(("data", value)) => event.data += value,
            Some(("", value)) => event.comment += value,
            _ => panic!("{line:?} is no line of an event"),
        }
    }
    event
}
