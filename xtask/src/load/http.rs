//! HTTP/1.1 over a plain socket, as far as a client needs it that wants to misbehave: what goes out is
//! bytes, and what comes back may be read in part.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::LazyLock;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// The first address that a client can have for its own; the program itself is at the one before.
const FIRST: u32 = u32::from_be_bytes([127, 0, 0, 2]);

/// Whether clients here can have addresses of their own, by which the program tells them apart: on Linux every
/// address that begins with 127 is this machine's, on some systems only one is.
pub static OWN_ADDRESSES: LazyLock<bool> =
    LazyLock::new(|| TcpListener::bind((Ipv4Addr::from(FIRST), 0)).is_ok());

/// A reply as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection on which one request follows another.
pub struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Connection {
    /// No read and no write may stand still longer than `patience`.
    pub fn open(address: &str, patience: Duration) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?, address, patience)
    }

    /// A connection from the address of this client, where clients can have their own.
    pub fn open_as(client: usize, address: &str, patience: Duration) -> io::Result<Self> {
        if !*OWN_ADDRESSES {
            return Self::open(address, patience);
        }
        let to = address.to_socket_addrs()?.next();
        let to = to.ok_or_else(|| odd(format!("{address} is no address")))?;
        let own = u32::try_from(client)
            .ok()
            .and_then(|client| FIRST.checked_add(client));
        let own = Ipv4Addr::from(own.ok_or_else(|| odd("there are too many clients".to_owned()))?);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((own, 0)).into())?;
        socket.connect(&to.into())?;
        Self::over(socket.into(), address, patience)
    }

    fn over(stream: TcpStream, address: &str, patience: Duration) -> io::Result<Self> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            address: address.to_owned(),
        })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The head of a request whose body has `length` bytes.
    pub fn head(&self, method: &str, path: &str, kind: &str, length: usize) -> String {
        let host = &self.address;
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\n\
             content-length: {length}\r\n\r\n"
        )
    }

    /// Sends a request and reads its whole reply. A server may refuse a body before all of it came: the
    /// reply counts then, not that sending broke off.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<Reply, String> {
        let head = self.head(method, path, kind, body.len());
        let mut whole = head.into_bytes();
        whole.extend_from_slice(body);
        let sent = self.send(&whole);
        self.reply().map_err(|error| match sent {
            Ok(()) => format!("no reply: {error}"),
            Err(sent) => format!("not sent ({sent}), and no reply: {error}"),
        })
    }

    /// Reads a whole reply.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut reply = self.reply_head()?;
        while let Some(piece) = self.piece(&reply)? {
            reply.body.extend_from_slice(&piece);
            if reply.header("transfer-encoding").is_none() {
                break;
            }
        }
        Ok(reply)
    }

    /// Reads status and headers; the body is still to come.
    pub fn reply_head(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| odd(format!("the reply begins with {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| odd(format!("a header reads {line:?}")))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Reply {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// The next piece of a body as the server sent it; `None` after the last.
    pub fn piece(&mut self, head: &Reply) -> io::Result<Option<Vec<u8>>> {
        if head.header("transfer-encoding").is_none() {
            let length = head.header("content-length");
            let length: u64 = length.and_then(|text| text.parse().ok()).unwrap_or(0);
            return self.exactly(length).map(Some);
        }
        let line = self.line()?;
        let length = u64::from_str_radix(&line, 16)
            .map_err(|_| odd(format!("a piece of the body has the length {line:?}")))?;
        let piece = self.exactly(length)?;
        self.line()?;
        Ok((length > 0).then_some(piece))
    }

    fn exactly(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&mut self.stream).take(length).read_to_end(&mut bytes)?;
        if (read as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn odd(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// One request on a connection of its own.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    body: &[u8],
    patience: Duration,
) -> Result<Reply, String> {
    let mut connection =
        Connection::open(address, patience).map_err(|error| format!("no connection: {error}"))?;
    connection.ask(method, path, "application/json", body)
}
