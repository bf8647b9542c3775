//! Commands and their answers on one connection: `OP_MSG` of MongoDB's wire protocol, spoken by every server since
//! 3.6. What a server sends is bounded before it is read, and taken only as the answer to what was asked. Documents
//! are never unpacked as a whole, so that none can be too deep.

use std::io;

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::refusal::ServerError;
use crate::{
    probe::Cause,
    server::providers::{
        trouble::Trouble,
        wire::{Wire, speaker},
    },
};

/// Length, number, number that is answered, kind; all 32-bit, the lowest byte first.
const HEADER: usize = 16;
/// The largest answer that is read; a `hello` of fifty members stays under 8 KiB.
const MAX_MESSAGE: usize = 64 * 1024;
/// All that is read from one server in one attempt.
const MAX_TOTAL: usize = 1024 * 1024;

const OP_MSG: i32 = 2013;
const OP_COMPRESSED: i32 = 2012;
/// Flag: a checksum of four bytes ends the message.
const CHECKSUM_PRESENT: u32 = 1;

/// A connection on which one command at a time is asked and answered.
#[derive(Debug)]
pub(super) struct Conversation {
    wire: Wire,
    number: i32,
    total: usize,
}

impl Conversation {
    /// Nothing has been said yet.
    pub const fn new(wire: Wire) -> Self {
        Self { wire, number: 0, total: 0 }
    }

    /// Whether what is sent is encrypted.
    pub const fn is_tls(&self) -> bool {
        self.wire.is_tls()
    }

    /// Asks one command; the document names its database under `$db`.
    pub async fn ask(&mut self, command: &RawDocument) -> Result<Result<Reply, ServerError>, Trouble> {
        self.number += 1;
        let message = message(self.number, command).ok_or_else(|| {
            Trouble::new(Cause::InvalidConnectionString, "User, password or database is longer than a message holds.")
        })?;
        let sent: io::Result<()> = async {
            self.wire.write_all(&message).await?;
            self.wire.flush().await
        }
        .await;
        sent.map_err(|error| Trouble::from_io(&error))?;
        let (header, body) = self.read().await?;
        Reply::read(header, &body, self.number)
    }

    /// One message.
    async fn read(&mut self) -> Result<(Header, Vec<u8>), Trouble> {
        let header = self.read_header().await?;
        self.total = self.total.saturating_add(header.length);
        if self.total > MAX_TOTAL {
            return Err(too_much());
        }
        let mut body = vec![0; header.length - HEADER];
        self.wire.read_exact(&mut body).await.map_err(|error| Trouble::from_io(&error))?;
        Ok((header, body))
    }

    /// The beginning of a message, or who it is that speaks instead: a length that no answer has is told as soon as
    /// it is there, because another protocol may say less than a whole header and wait.
    async fn read_header(&mut self) -> Result<Header, Trouble> {
        let mut bytes = [0; HEADER];
        let mut filled = 0;
        loop {
            let read = self.wire.read(bytes.get_mut(filled..).unwrap_or_default()).await;
            let read = read.map_err(|error| Trouble::from_io(&error))?;
            filled += read;
            let heard = bytes.get(..filled).unwrap_or_default();
            match Header::read(heard) {
                Judged::Whole(header) => return Ok(header),
                Judged::Foreign => return Err(another_protocol(heard, self.wire.is_tls())),
                Judged::Short if read == 0 => return Err(Trouble::from_io(&io::ErrorKind::UnexpectedEof.into())),
                Judged::Short => {}
            }
        }
    }

    /// Ends the connection from this side and waits until the server has closed it too.
    pub async fn close(mut self) {
        let mut rest = [0; 256];
        let mut left = MAX_MESSAGE;
        // A server that goes on sending, or broke off itself, is left as it is.
        if self.wire.shutdown().await.is_ok() {
            while let Ok(read @ 1..) = self.wire.read(&mut rest).await {
                left = left.saturating_sub(read);
                if left == 0 {
                    return;
                }
            }
        }
    }
}

/// A command as it is sent; none where it is too long.
fn message(number: i32, command: &RawDocument) -> Option<Vec<u8>> {
    let document = command.as_bytes();
    // The flags and the kind of the only section stand before the document.
    let length = HEADER + 5 + document.len();
    let length = i32::try_from(length).ok().filter(|_| length <= MAX_MESSAGE)?;
    let mut message = Vec::with_capacity(HEADER + 5 + document.len());
    for word in [length, number, 0, OP_MSG, 0] {
        message.extend_from_slice(&word.to_le_bytes());
    }
    message.push(0);
    message.extend_from_slice(document);
    Some(message)
}

/// What precedes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    length: usize,
    answers: i32,
    kind: i32,
}

/// What the first bytes of a message come to.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    /// More is needed.
    Short,
    /// A header that an answer may have.
    Whole(Header),
    /// No answer of MongoDB's.
    Foreign,
}

impl Header {
    fn read(bytes: &[u8]) -> Judged {
        let word = |place: usize| {
            let word = bytes.get(place * 4..)?.first_chunk::<4>()?;
            Some(i32::from_le_bytes(*word))
        };
        let Some(length) = word(0) else { return Judged::Short };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(HEADER..=MAX_MESSAGE).contains(&length) {
            // One byte more tells HTTP.
            return if bytes.len() == 4 { Judged::Short } else { Judged::Foreign };
        }
        match (word(2), word(3)) {
            (Some(answers), Some(kind @ (OP_MSG | OP_COMPRESSED))) => Judged::Whole(Self { length, answers, kind }),
            (_, Some(_)) => Judged::Foreign,
            (_, None) => Judged::Short,
        }
    }
}

/// The answer to a command that was carried out.
#[derive(Clone, Debug)]
pub(super) struct Reply(RawDocumentBuf);

impl Reply {
    /// Reads the answer to message `number`: one document, not compressed, and nothing to come after it.
    fn read(header: Header, body: &[u8], number: i32) -> Result<Result<Self, ServerError>, Trouble> {
        if header.kind == OP_COMPRESSED {
            let message = "The server sent a compressed answer, which it was not asked for.";
            return Err(Trouble::new(Cause::WrongProtocol, message));
        }
        if header.answers != number {
            let message = "The server answered something else than what it was asked.";
            return Err(Trouble::new(Cause::WrongProtocol, message));
        }
        let reply = Self(document(body).ok_or_else(unreadable)?);
        match reply.number("ok") {
            Some(1) => Ok(Ok(reply)),
            Some(_) => Ok(Err(ServerError::read(&reply))),
            None => Err(unreadable()),
        }
    }

    fn get(&self, key: &str) -> Option<RawBsonRef<'_>> {
        self.0.get(key).ok().flatten()
    }

    /// A number of whichever type, without its fraction; true is 1.
    pub fn number(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            RawBsonRef::Int32(number) => Some(number.into()),
            RawBsonRef::Int64(number) => Some(number),
            #[expect(clippy::cast_possible_truncation, reason = "saturates; what is asked for are small numbers")]
            RawBsonRef::Double(number) => Some(number as i64),
            RawBsonRef::Boolean(is) => Some(is.into()),
            _ => None,
        }
    }

    /// Whether the field is there and true.
    pub fn is(&self, key: &str) -> bool {
        self.number(key) == Some(1)
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Bytes.
    pub fn bytes(&self, key: &str) -> Option<&[u8]> {
        match self.get(key)? {
            RawBsonRef::Binary(binary) => Some(binary.bytes),
            _ => None,
        }
    }

    /// The texts of a list; what is no text in it is passed over.
    pub fn texts(&self, key: &str) -> Option<Vec<&str>> {
        let list = self.get(key)?.as_array()?;
        Some(list.into_iter().map_while(Result::ok).filter_map(RawBsonRef::as_str).collect())
    }

    /// A document.
    pub fn document(&self, key: &str) -> Option<&RawDocument> {
        self.get(key)?.as_document()
    }

    /// The documents of a list; what is none in it is passed over.
    pub fn documents(&self, key: &str) -> impl Iterator<Item = &RawDocument> {
        let list = self.get(key).and_then(RawBsonRef::as_array).into_iter().flatten();
        list.map_while(Result::ok).filter_map(RawBsonRef::as_document)
    }
}

#[cfg(test)]
impl From<RawDocumentBuf> for Reply {
    fn from(document: RawDocumentBuf) -> Self {
        Self(document)
    }
}

/// The document of an `OP_MSG`: flags, then one section of kind 0, then a checksum where the flags say so. Streams
/// (`moreToCome`) and flags that must be understood are refused.
fn document(body: &[u8]) -> Option<RawDocumentBuf> {
    let (flags, rest) = body.split_first_chunk::<4>()?;
    let rest = match u32::from_le_bytes(*flags) & 0xffff {
        0 => rest,
        CHECKSUM_PRESENT => rest.split_last_chunk::<4>()?.0,
        _ => return None,
    };
    let (0, document) = rest.split_first()? else { return None };
    RawDocumentBuf::from_bytes(document.to_vec()).ok()
}

/// What was heard is none of MongoDB's.
fn another_protocol(heard: &[u8], inside_tls: bool) -> Trouble {
    let who = speaker(heard);
    if who == Some("TLS") && !inside_tls {
        return Trouble::new(Cause::TlsRequired, "The server answers in TLS, and the connection does not use it.")
            .also(&[Cause::WrongProtocol]);
    }
    let who = who.map(|name| format!(", but {name}")).unwrap_or_default();
    Trouble::new(Cause::WrongProtocol, format!("The server does not speak MongoDB's protocol{who}."))
}

fn unreadable() -> Trouble {
    Trouble::new(Cause::WrongProtocol, "The server's answer is not one of MongoDB's.")
}

fn too_much() -> Trouble {
    Trouble::new(Cause::WrongProtocol, "The server sent more than a health check reads; the connection was ended.")
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;
    use proptest::prelude::*;

    use super::*;

    fn body(flags: u32, sections: &[u8]) -> Vec<u8> {
        [&flags.to_le_bytes()[..], sections].concat()
    }

    fn section(document: &RawDocument) -> Vec<u8> {
        [&[0], document.as_bytes()].concat()
    }

    const ANSWER: Header = Header { length: 100, answers: 7, kind: OP_MSG };

    #[test]
    fn a_message_that_was_written_is_read() {
        let command = rawdoc! { "ping": 1, "$db": "admin" };
        let whole = message(7, &command).expect("a short command");
        let (head, rest) = whole.split_at(HEADER);
        assert_eq!(Header::read(head), Judged::Whole(Header { length: whole.len(), answers: 0, kind: OP_MSG }));
        assert_eq!(document(rest), Some(command));
        let long = rawdoc! { "ping": "x".repeat(MAX_MESSAGE) };
        assert_eq!(message(1, &long), None);
    }

    #[test]
    fn numbers_are_read_whatever_their_type() {
        let reply = Reply(rawdoc! { "a": 1, "b": 1_i64, "c": 1.0, "d": true, "e": "1", "f": f64::NAN, "g": 18.0 });
        for (key, number) in [
            ("a", Some(1)),
            ("b", Some(1)),
            ("c", Some(1)),
            ("d", Some(1)),
            ("e", None),
            ("f", Some(0)),
            ("g", Some(18)),
            ("h", None),
        ] {
            assert_eq!(reply.number(key), number, "{key}");
        }
    }

    #[test]
    fn only_a_plain_answer_to_the_question_is_taken() {
        let ok = section(&rawdoc! { "ok": 1.0 });
        let read = |header, body: &[u8]| Reply::read(header, body, 7).map(|reply| reply.is_ok()).map_err(|t| t.cause);
        assert_eq!(read(ANSWER, &body(0, &ok)), Ok(true));
        assert_eq!(read(ANSWER, &body(1, &[&ok[..], b"sum!"].concat())), Ok(true));
        assert_eq!(read(ANSWER, &body(1 << 16, &ok)), Ok(true));
        assert_eq!(read(ANSWER, &body(0, &section(&rawdoc! { "ok": 0, "code": 18 }))), Ok(false));
        let foreign = Err(Some(Cause::WrongProtocol));
        for (name, header, body) in [
            ("another request", Header { answers: 6, ..ANSWER }, body(0, &ok)),
            ("compressed", Header { kind: OP_COMPRESSED, ..ANSWER }, body(0, &ok)),
            ("more to come", ANSWER, body(2, &ok)),
            ("a flag unknown", ANSWER, body(4, &ok)),
            ("a sequence", ANSWER, body(0, &[&[1], &ok[1..]].concat())),
            ("two documents", ANSWER, body(0, &[&ok[..], &ok[..]].concat())),
            ("no ok", ANSWER, body(0, &section(&rawdoc! {}))),
            ("ok in words", ANSWER, body(0, &section(&rawdoc! { "ok": "yes" }))),
            ("nothing", ANSWER, vec![]),
        ] {
            assert_eq!(read(header, &body), foreign, "{name}");
        }
    }

    #[test]
    fn lengths_that_no_answer_has_are_foreign_at_once() {
        for (bytes, judged) in [
            (&b"HTTP"[..], Judged::Short),
            (b"HTTP/", Judged::Foreign),
            (b"\x15\x03\x01\0\x02\x02\x46", Judged::Foreign),
            (&[0xff, 0xff, 0xff, 0xff, 0], Judged::Foreign),
            (&[0xff, 0xff, 0xff, 0x7f, 0], Judged::Foreign),
            (&[15, 0, 0, 0, 0], Judged::Foreign),
            (&[21, 0, 0, 0, 0], Judged::Short),
            (b"\x4a\0\0\0\x0a5.5.5-10.11.6", Judged::Foreign),
        ] {
            let bytes = bytes.get(..HEADER.min(bytes.len())).unwrap_or_default();
            assert_eq!(Header::read(bytes), judged, "{bytes:?}");
        }
    }

    #[test]
    fn depth_costs_nothing() {
        let mut deep = rawdoc! { "ok": 1 };
        for _ in 0..1_500 {
            deep = rawdoc! { "d": deep, "ok": 1 };
        }
        let read = Reply::read(ANSWER, &body(0, &section(&deep)), 7);
        assert!(read.is_ok_and(|reply| reply.is_ok_and(|reply| reply.is("ok"))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Header::read(bytes.get(..HEADER).unwrap_or(&bytes));
            let _ = Reply::read(ANSWER, &bytes, 7);
            let framed = body(0, &[&[0], &(u32::try_from(bytes.len()).unwrap_or(0) + 5).to_le_bytes()[..], &bytes, &[0]].concat());
            if let Ok(Ok(reply)) = Reply::read(ANSWER, &framed, 7) {
                let _ = (reply.number("a"), reply.text("a"), reply.bytes("a"), reply.texts("a"), reply.documents("a").count());
            }
        }
    }
}
