//! One failure on its way from where it shows to the report.

use std::{borrow::Cow, error::Error, io};

use crate::{
    probe::{Cause, Phase, scrub},
    server::egress::{EgressError, errno_name},
};

/// Why an attempt ended.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Where, if it is not the phase under way.
    pub phase: Option<Phase>,
    /// The structured code.
    pub code: Option<String>,
    /// What is said; scrubbed when it is kept.
    pub message: String,
    /// What is said after it, for people only: the classifier reads what the server said.
    pub hint: Option<Box<str>>,
    /// What the server says beside its message and independent of its language; for the classifier only.
    pub routine: Option<String>,
    /// The cause, where it is known without reading the message.
    pub cause: Option<Cause>,
    /// Other causes that are possible here.
    pub also: Vec<Cause>,
    /// Whether it is our own trouble, and says nothing about the target.
    pub is_ours: bool,
}

impl Trouble {
    /// A failure whose cause is known.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { message: message.into(), cause: Some(cause), ..Self::default() }
    }

    /// In another phase than the one under way.
    pub fn at(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }

    /// With a structured code.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With other causes that are possible.
    pub fn also(mut self, causes: &[Cause]) -> Self {
        self.also.extend_from_slice(causes);
        self
    }

    /// With a sentence after the message.
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into().map(String::into_boxed_str);
        self
    }

    /// Without `secrets` that only the place where they were made knows.
    pub fn without(mut self, secrets: &[&str]) -> Self {
        self.message = scrub(&self.message, secrets);
        self
    }

    /// The text that the classifier reads.
    pub fn evidence(&self) -> Cow<'_, str> {
        match &self.routine {
            Some(routine) => Cow::Owned(format!("{} (routine {routine})", self.message)),
            None => Cow::Borrowed(&self.message),
        }
    }

    /// The stream failed while something was expected from it.
    pub fn from_io(error: &io::Error) -> Self {
        if let Some(error) = inner::<rustls::Error>(error) {
            // After the handshake, TLS 1.3 tells a client by alert what it thought of its certificate.
            return super::tls::trouble(error).at(Phase::Tls);
        }
        match error.kind() {
            // The second is the codec's word for an end in the middle of a message.
            kind if kind == io::ErrorKind::UnexpectedEof || error.to_string() == "bytes remaining on stream" => {
                Self::new(Cause::ConnectionReset, "The server closed the connection without an answer.").code("EOF")
            }
            io::ErrorKind::InvalidData => Self::new(Cause::WrongProtocol, error.to_string()),
            _ => match errno_name(error) {
                Some(code) => Self { message: error.to_string(), ..Self::default() }.code(code),
                None => Self { message: error.to_string(), ..Self::default() },
            },
        }
    }
}

impl From<EgressError> for Trouble {
    fn from(error: EgressError) -> Self {
        Self {
            phase: Some(error.phase()),
            code: error.code().map(str::to_owned),
            cause: Some(error.cause()),
            message: error.to_string(),
            also: error.also_possible().to_vec(),
            is_ours: error.is_ours(),
            ..Self::default()
        }
    }
}

/// The typed error that an [`io::Error`] carries.
pub(super) fn inner<E: Error + 'static>(error: &io::Error) -> Option<&E> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}
