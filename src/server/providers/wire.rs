//! The stream to a server, with TLS or without, and what can be told from its first bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// One connection to a server.
#[derive(Debug)]
pub(super) enum Wire {
    /// In clear text.
    Clear(TcpStream),
    /// Inside TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Whether what is sent is encrypted.
    pub const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// What speaks first with these bytes, as far as they tell.
pub(super) fn speaker(first: &[u8]) -> Option<&'static str> {
    const OPENINGS: [(&[u8], &str); 7] = [
        (b"HTTP/", "HTTP"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP"),
        (b"-ERR", "Redis"),
        (b"+OK", "POP3"),
        (b"* OK", "IMAP"),
        // A TLS alert in answer to what was no TLS.
        (b"\x15\x03", "TLS"),
    ];
    if let Some((_, name)) = OPENINGS.iter().find(|(opening, _)| first.starts_with(opening)) {
        return Some(name);
    }
    // A MySQL greeting: a packet of less than 64 KiB with number 0 and protocol version 10; or what is left of it where
    // its first byte came alone and was taken for an answer.
    match first {
        [_, _, 0, 0, 10, ..] | [0, 0, 0, 10, b'0'..=b'9', ..] => Some("MySQL"),
        [b'R' | b'E', 0, 0, ..] => Some("PostgreSQL"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_who_speaks() {
        for (first, name) in [
            (&b"HTTP/1.1 400 Bad Request"[..], Some("HTTP")),
            (b"SSH-2.0-OpenSSH_9.2", Some("SSH")),
            (b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB", Some("MySQL")),
            (b"\0\0\0\x0a5.5.5-10.11.6-MariaDB", Some("MySQL")),
            (b"R\0\0\0\x08\0\0\0\0", Some("PostgreSQL")),
            (b"\x15\x03\x01\0\x02", Some("TLS")),
            (b"-ERR unknown command", Some("Redis")),
            (b"", None),
            (b"xyz", None),
        ] {
            assert_eq!(speaker(first), name, "{first:?}");
        }
    }
}
