//! A name server of our own, for domains that nobody else has.

use std::{
    collections::HashMap,
    net::{Ipv6Addr, SocketAddr},
};

use tokio::{net::UdpSocket, task::JoinHandle};

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// What is answered to a question for a name (lower case, no final dot) and a type: the data of each record.
type Records = HashMap<(String, u16), Vec<Vec<u8>>>;

/// The records of a name server that is not started yet.
#[derive(Clone, Debug, Default)]
pub struct Zone(Records);

impl Zone {
    /// An address of a name.
    pub fn address(self, name: &str, address: [u8; 4]) -> Self {
        self.with(name, A, address.to_vec())
    }

    /// An IPv6 address of a name.
    pub fn address_v6(self, name: &str, address: Ipv6Addr) -> Self {
        self.with(name, AAAA, address.octets().to_vec())
    }

    /// A text beside a name.
    pub fn text(self, name: &str, text: &str) -> Self {
        let length = u8::try_from(text.len()).expect("a short text");
        self.with(name, TXT, [&[length], text.as_bytes()].concat())
    }

    /// A server behind a name.
    pub fn server(self, name: &str, priority: u16, target: &str, port: u16) -> Self {
        let numbers = [priority, 0, port].map(u16::to_be_bytes).concat();
        self.with(name, SRV, [numbers, labels(target)].concat())
    }

    fn with(mut self, name: &str, kind: u16, data: Vec<u8>) -> Self {
        self.0.entry((name.to_owned(), kind)).or_default().push(data);
        self
    }

    /// Answers from now on. A name without any record does not exist.
    pub async fn serve(self) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("its address");
        let answering = tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, asker)) = socket.recv_from(&mut question).await {
                if let Some(answer) = self.answer(&question[..length]) {
                    // Whoever does not wait any more is not missed.
                    let _ = socket.send_to(&answer, asker).await;
                }
            }
        });
        NameServer { address, answering }
    }

    /// The answer to a message with one question.
    fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (id, rest) = (message.get(..2)?, message.get(12..)?);
        let mut name = Vec::new();
        let mut at = 0;
        while let length @ 1.. = usize::from(*rest.get(at)?) {
            name.push(String::from_utf8_lossy(rest.get(at + 1..=at + length)?).to_ascii_lowercase());
            at += length + 1;
        }
        let (name, question) = (name.join("."), rest.get(..at + 5)?);
        let kind = u16::from_be_bytes(rest.get(at + 1..at + 3)?.try_into().ok()?);
        let records = self.0.get(&(name.clone(), kind)).map(Vec::as_slice).unwrap_or_default();
        let exists = self.0.keys().any(|(known, _)| *known == name);
        let count = u8::try_from(records.len()).ok()?;
        // An answer, recursion asked for and had; 3 is "no such name".
        let header = [id, &[0x81, if exists { 0x80 } else { 0x83 }, 0, 1, 0, count, 0, 0, 0, 0]].concat();
        let mut answer = [&header, question].concat();
        for data in records {
            answer.extend_from_slice(&[0xc0, 12]);
            answer.extend_from_slice(&kind.to_be_bytes());
            answer.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
            answer.extend_from_slice(&u16::try_from(data.len()).ok()?.to_be_bytes());
            answer.extend_from_slice(data);
        }
        Some(answer)
    }
}

fn labels(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).expect("a short label")], label.as_bytes()].concat();
    name.split('.').flat_map(label).chain([0]).collect()
}

/// A running name server; gone when dropped.
#[derive(Debug)]
pub struct NameServer {
    /// Where it answers.
    pub address: SocketAddr,
    answering: JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.answering.abort();
    }
}
