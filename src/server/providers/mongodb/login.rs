//! Who logs in to MongoDB and how: by SCRAM or by the client's certificate. Other mechanisms are not spoken: PLAIN
//! shows the password, and the rest need files, a cloud's metadata service or a foreign token server.

use base64::{Engine, prelude::BASE64_STANDARD};
use bson::{Binary, raw::cstr, rawdoc, spec::BinarySubtype};
use rand::RngCore;
use zeroize::Zeroizing;

use super::{
    message::{Conversation, Reply},
    refusal::ServerError,
    scram::{Hash, Scram, ScramError},
    seeds::{DEFAULT_AUTH_SOURCE, Plan},
    topology::Hello,
};
use crate::{
    connections::settings::{AuthMechanism, Secret, Settings},
    probe::{Cause, Phase},
    server::providers::trouble::Trouble,
};

/// Rounds of messages that a login may take after its second; a server needs one at most.
const MAX_ROUNDS: usize = 3;

/// Who logs in.
#[derive(Debug)]
pub(super) enum Login<'a> {
    /// Nobody.
    Nobody,
    /// A user with a password.
    Password { username: &'a str, password: &'a Secret, hash: Option<Hash> },
    /// Whoever the client's certificate names; older servers want to be told the name.
    Certificate { username: Option<&'a str> },
}

impl<'a> Login<'a> {
    /// What the settings ask for.
    pub fn of(settings: &'a Settings, mechanism: Option<AuthMechanism>) -> Result<Self, Trouble> {
        let missing = |what: &str| Err(Trouble::new(Cause::CredentialsMissing, what).at(Phase::Auth));
        let username = settings.username.as_deref().filter(|name| !name.is_empty());
        let hash = match mechanism {
            Some(AuthMechanism::X509) if settings.client_certificate.is_none() => {
                return missing("The login is by certificate, and the connection has none.");
            }
            Some(AuthMechanism::X509) => return Ok(Self::Certificate { username }),
            Some(AuthMechanism::ScramSha1) => Some(Hash::Sha1),
            Some(AuthMechanism::ScramSha256) => Some(Hash::Sha256),
            None => None,
        };
        match (username, &settings.password) {
            (Some(username), Some(password)) => Ok(Self::Password { username, password, hash }),
            (Some(_), None) => missing("The connection has a user name and no password."),
            (None, Some(password)) if !password.reveal().is_empty() => {
                missing("The connection has a password and no user name.")
            }
            (None, _) if hash.is_some() => missing("The connection has no user name."),
            (None, _) => Ok(Self::Nobody),
        }
    }

    /// The user whose mechanisms the server is asked for, as it writes users: `database.name`.
    pub fn asks_about(&self, plan: &Plan) -> Option<String> {
        match self {
            Self::Password { username, hash: None, .. } => Some(format!("{}.{username}", plan.auth_source)),
            _ => None,
        }
    }

    /// Logs in; says by which mechanism.
    pub async fn perform(
        &self,
        conversation: &mut Conversation,
        plan: &Plan,
        hello: &Hello,
    ) -> Result<&'static str, Trouble> {
        match self {
            Self::Nobody => Ok("nobody logged in"),
            Self::Password { username, password, hash } => {
                let hash = hash.map_or_else(|| negotiated(hello), Ok)?;
                let login = Sasl { conversation, plan, hash };
                login.perform(username, password.reveal()).await.map_err(|failed| match failed {
                    Failed::Refused(error) => explain(&error, plan, hello),
                    Failed::Ended(trouble) => trouble,
                })?;
                Ok(hash.mechanism())
            }
            Self::Certificate { username } => {
                if !conversation.is_tls() {
                    let message = "The login is by certificate, which needs TLS, and the connection does not use it.";
                    return Err(Trouble::new(Cause::DriverMisconfigured, message).also(&[Cause::TlsNotSupported]));
                }
                let mut command = rawdoc! { "authenticate": 1, "mechanism": AuthMechanism::X509.code() };
                if let Some(username) = username {
                    command.append(cstr!("user"), *username);
                }
                command.append(cstr!("$db"), "$external");
                conversation.ask(&command).await?.map_err(|error| explain_certificate(&error))?;
                Ok(AuthMechanism::X509.code())
            }
        }
    }
}

/// The mechanism where the settings leave it open, by MongoDB's rule for drivers: SHA-256 if the server says that
/// the user has it, else SHA-1, also where the server does not say. Where it says that the user has others only, a
/// password is not tried: it could not be right, and failed logins are counted.
fn negotiated(hello: &Hello) -> Result<Hash, Trouble> {
    let names = hello.mechanisms.as_deref().unwrap_or_default();
    let has = |mechanism: &str| names.iter().any(|name| name == mechanism);
    if has(Hash::Sha256.mechanism()) {
        return Ok(Hash::Sha256);
    }
    if names.is_empty() || has(Hash::Sha1.mechanism()) {
        return Ok(Hash::Sha1);
    }
    let names = names.join(", ");
    let message = format!("The server takes this user by {names} only, and not by a password. Nothing was tried.");
    let also: &[Cause] = if has(AuthMechanism::X509.code()) { &[Cause::CredentialsMissing] } else { &[] };
    Err(Trouble::new(Cause::AuthMethodUnsupported, message).also(also))
}

/// Why a login was refused. The server does not tell an unknown user from a wrong password, nor that it knows the
/// user in another database.
fn explain(error: &ServerError, plan: &Plan, hello: &Hello) -> Trouble {
    let mut trouble = error.trouble();
    // A user whom the server does not know has no mechanisms, and SHA-1 was tried for want of a better.
    let unknown = hello.mechanisms.is_none() && error.is_about_mechanism();
    if unknown {
        trouble = trouble.also(&[Cause::AuthWrongPassword]);
    }
    if error.is_about_mechanism() {
        trouble.cause = Some(Cause::AuthMethodUnsupported);
    } else if error.is_bad_login() {
        trouble.cause = Some(Cause::AuthWrongPassword);
    }
    let doubtful = plan.auth_source != DEFAULT_AUTH_SOURCE && (unknown || error.is_bad_login());
    if doubtful { trouble.also(&[Cause::AuthSourceWrong]) } else { trouble }
}

/// Why a certificate was refused that TLS had taken: no password is in play, so the user is what the server does
/// not know.
fn explain_certificate(error: &ServerError) -> Trouble {
    let mut trouble = error.trouble();
    if error.is_bad_login() {
        trouble.cause = Some(Cause::AuthUnknownUser);
        trouble = trouble.also(&[Cause::AccessRuleDenied]);
    }
    trouble
}

/// How a login did not come about.
enum Failed {
    /// The server refused it.
    Refused(ServerError),
    /// It was ended here, or the stream was.
    Ended(Trouble),
}

impl From<ScramError> for Failed {
    fn from(error: ScramError) -> Self {
        let cause = match error {
            ScramError::Password => Cause::InvalidConnectionString,
            ScramError::Rounds(_) => Cause::AuthMethodUnsupported,
            ScramError::Malformed | ScramError::Unproven => Cause::WrongProtocol,
        };
        Self::Ended(Trouble::new(cause, error.to_string()))
    }
}

/// One login by SCRAM over MongoDB's commands for SASL.
struct Sasl<'a> {
    conversation: &'a mut Conversation,
    plan: &'a Plan,
    hash: Hash,
}

impl Sasl<'_> {
    async fn perform(mut self, username: &str, password: &str) -> Result<(), Failed> {
        let secret: Zeroizing<String> = self.hash.secret(username, password)?;
        let mut nonce = [0; 24];
        rand::rng().fill_bytes(&mut nonce);
        let scram = Scram::new(self.hash, username, BASE64_STANDARD.encode(nonce));

        let first = rawdoc! {
            "saslStart": 1,
            "mechanism": self.hash.mechanism(),
            "payload": payload(scram.first().as_bytes()),
            "options": { "skipEmptyExchange": true },
            "$db": self.plan.auth_source.as_str(),
        };
        let reply = self.ask(&first).await?;
        let talk = reply.number("conversationId").unwrap_or_default();
        let (last, expected) = scram.answer(&secret, reply.bytes("payload").unwrap_or_default())?;
        let mut reply = self.go_on(talk, last.as_bytes()).await?;
        // The proof is asked for whether or not the server says that it is done.
        expected.proven_by(reply.bytes("payload").unwrap_or_default())?;
        for _ in 0..MAX_ROUNDS {
            if reply.is("done") {
                return Ok(());
            }
            reply = self.go_on(talk, b"").await?;
        }
        Err(ScramError::Malformed.into())
    }

    async fn go_on(&mut self, talk: i64, message: &[u8]) -> Result<Reply, Failed> {
        let command = rawdoc! {
            "saslContinue": 1,
            // Servers count logins in 32 bits and compare types.
            "conversationId": i32::try_from(talk).unwrap_or_default(),
            "payload": payload(message),
            "$db": self.plan.auth_source.as_str(),
        };
        self.ask(&command).await
    }

    async fn ask(&mut self, command: &bson::RawDocument) -> Result<Reply, Failed> {
        self.conversation.ask(command).await.map_err(Failed::Ended)?.map_err(Failed::Refused)
    }
}

fn payload(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

#[cfg(test)]
mod tests {
    use bson::RawDocumentBuf;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{connections::Provider, server::providers::tests::from_form};

    proptest! {
        #[test]
        fn what_is_typed_is_what_logs_in(typed in from_form::typed(Provider::MongoDb)) {
            for settings in typed.arrived() {
                prop_assert_eq!(&settings.host, &typed.host);
                let login = Login::of(&settings, None);
                let Ok(Login::Password { username, password, hash: None }) = login else { panic!("{login:?}") };
                prop_assert_eq!(username, typed.username.as_str());
                prop_assert_eq!(password.reveal(), typed.password.as_str());
            }
        }
    }

    fn hello(document: RawDocumentBuf) -> Hello {
        Hello::read(&Reply::from(document))
    }

    #[test]
    fn the_server_chooses_the_hash_where_the_settings_do_not() {
        for (document, hash) in [
            (rawdoc! { "saslSupportedMechs": ["SCRAM-SHA-1", "SCRAM-SHA-256"] }, Some(Hash::Sha256)),
            (rawdoc! { "saslSupportedMechs": ["PLAIN", "SCRAM-SHA-1"] }, Some(Hash::Sha1)),
            (rawdoc! { "saslSupportedMechs": [] }, Some(Hash::Sha1)),
            (rawdoc! { "saslSupportedMechs": ["PLAIN"] }, None),
            (rawdoc! { "saslSupportedMechs": ["MONGODB-X509"] }, None),
            (rawdoc! {}, Some(Hash::Sha1)),
        ] {
            let found = negotiated(&hello(document.clone()));
            assert_eq!(found.as_ref().ok(), hash.as_ref(), "{document:?}");
            let cause = found.err().map(|trouble| trouble.cause);
            assert!(hash.is_some() || cause == Some(Some(Cause::AuthMethodUnsupported)), "{document:?}: {cause:?}");
        }
    }

    #[test]
    fn what_is_missing_for_a_login_is_told_before_anything_is_sent() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        for (fields, mechanism, kind) in [
            (json!({}), None, Ok("nobody")),
            (json!({"password": ""}), None, Ok("nobody")),
            (json!({"username": "app", "password": "x"}), None, Ok("negotiated")),
            (json!({"username": "app", "password": ""}), None, Ok("negotiated")),
            (json!({"username": "app", "password": "x"}), Some(AuthMechanism::ScramSha1), Ok("chosen")),
            (json!({"username": "app"}), None, Err("no password")),
            (json!({"password": "x"}), None, Err("no user name")),
            (json!({}), Some(AuthMechanism::ScramSha256), Err("no user name")),
            (json!({}), Some(AuthMechanism::X509), Err("certificate")),
            (json!({"clientCertificate": certificate, "clientKey": "k"}), Some(AuthMechanism::X509), Ok("certificate")),
        ] {
            let mut settings = Settings::from_json(Provider::MongoDb, &json!({"host": "db"})).expect("a host");
            let text = |key: &str| fields.get(key).and_then(|value| value.as_str()).map(str::to_owned);
            settings.username = text("username");
            settings.password = text("password").map(Secret::new);
            settings.client_certificate = text("clientCertificate");
            let found = match Login::of(&settings, mechanism) {
                Ok(Login::Nobody) => Ok("nobody"),
                Ok(Login::Password { hash: None, .. }) => Ok("negotiated"),
                Ok(Login::Password { hash: Some(_), .. }) => Ok("chosen"),
                Ok(Login::Certificate { .. }) => Ok("certificate"),
                Err(trouble) => {
                    assert_eq!((trouble.cause, trouble.phase), (Some(Cause::CredentialsMissing), Some(Phase::Auth)));
                    Err(trouble.message)
                }
            };
            match (found, kind) {
                (Ok(found), Ok(kind)) => assert_eq!(found, kind, "{fields}"),
                (Err(message), Err(words)) => assert!(message.contains(words), "{fields}: {message}"),
                (found, kind) => panic!("{fields}: {found:?} in place of {kind:?}"),
            }
        }
    }
}
