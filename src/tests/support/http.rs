//! HTTP/1.1 over one connection that is kept: what the tests and measurements need of a client, and nothing
//! that a library would do behind their back.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A connection to a server.
#[derive(Debug)]
pub struct HttpConnection(BufReader<TcpStream>);

impl HttpConnection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(64 * 1024, stream)))
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&mut self, request: &Request<Bytes>) -> io::Result<Response<Bytes>> {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
        for (name, value) in request.headers() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        head.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body().len()).as_bytes());
        head.extend_from_slice(request.body());
        self.0.write_all(&head).await?;
        self.0.flush().await?;

        let mut response = Response::new(Bytes::new());
        let status = self.line().await?;
        *response.status_mut() = status
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .and_then(|code: u16| StatusCode::from_u16(code).ok())
            .ok_or_else(|| malformed(&status))?;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            let name = HeaderName::try_from(name).map_err(|_| malformed(&line))?;
            let value = HeaderValue::try_from(value.trim()).map_err(|_| malformed(&line))?;
            response.headers_mut().append(name, value);
        }
        let length = |name| {
            let value: &HeaderValue = response.headers().get(name)?;
            value.to_str().ok()?.parse::<usize>().ok()
        };
        let is_bodyless = request.method() == http::Method::HEAD
            || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let body = if is_bodyless {
            Vec::new()
        } else if let Some(length) = length(header::CONTENT_LENGTH) {
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await?;
            body
        } else if response.headers().contains_key(header::TRANSFER_ENCODING) {
            self.chunks().await?
        } else {
            let mut body = Vec::new();
            self.0.read_to_end(&mut body).await?;
            body
        };
        *response.body_mut() = body.into();
        Ok(response)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let length = line.split(';').next().and_then(|length| usize::from_str_radix(length.trim(), 16).ok());
            let length = length.ok_or_else(|| malformed(&line))?;
            let start = body.len();
            body.resize(start + length, 0);
            self.0.read_exact(&mut body[start..]).await?;
            self.line().await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP: {line}"))
}
