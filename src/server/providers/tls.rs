//! TLS to a server: one verifier for all modes, which notes the chain and the verdict and lets the handshake
//! finish, so that version, cipher and certificates are known also where they are refused. The verdict is
//! looked at before anything else is sent: a login never follows a refused certificate.

use std::{
    fmt::Write,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error as TlsError,
    RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption, WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use super::trouble::{Trouble, inner};
use crate::{
    connections::settings::{Secret, Settings, TlsMode},
    probe::{Cause, CertificateFacts, TlsFacts, scrub},
    server::egress::Host,
    timestamp::Timestamp,
};

/// Certificates of a chain that are recorded.
const MAX_CHAIN: usize = 8;
/// The code of the alert by which a server says that it failed for a reason of its own (RFC 8446 §6.2).
pub(super) const INTERNAL_ERROR: &str = "TLS_ALERT_80";
/// The alert of a server that cannot agree, or misses something (RFC 5246 §7.2.2).
const HANDSHAKE_FAILURE: &str = "TLS_ALERT_40";
/// Names of a certificate that are recorded.
const MAX_NAMES: usize = 50;

/// The algorithms, made once.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// Those whom the web and this machine trust, read once.
pub(crate) fn public_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// Whom a connection trusts.
#[derive(Debug)]
enum Trust {
    /// The public authorities.
    Public,
    /// These authorities, and these certificates as themselves.
    Given { roots: RootCertStore, certificates: Vec<CertificateDer<'static>> },
}

/// Notes what a server offers and what is to be thought of it.
#[derive(Debug)]
struct Recorder {
    mode: TlsMode,
    trust: Trust,
    provider: Arc<CryptoProvider>,
    offered: OnceLock<Offered>,
    /// Whether the server asked for the client's certificate.
    asked: AtomicBool,
}

/// What a server offered.
#[derive(Debug)]
struct Offered {
    chain: Vec<CertificateDer<'static>>,
    verdict: Result<(), TlsError>,
}

impl Recorder {
    fn new(mode: TlsMode, trust: Trust) -> Self {
        Self { mode, trust, provider: provider(), offered: OnceLock::new(), asked: AtomicBool::new(false) }
    }

    /// Whether the certificate is what the mode asks for.
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), TlsError> {
        if !verifies(self.mode) {
            return Ok(());
        }
        let pinned = matches!(&self.trust, Trust::Given { certificates, .. } if certificates.contains(leaf));
        if pinned {
            // A leaf that is its own authority: webpki would refuse it as CaUsedAsEndEntity before looking on.
            within_dates(leaf, now)?;
        } else {
            let roots = match &self.trust {
                Trust::Public => public_roots(),
                Trust::Given { roots, .. } => roots,
            };
            let algorithms = self.provider.signature_verification_algorithms.all;
            let parsed = ParsedCertificate::try_from(leaf)?;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        }
        if self.mode == TlsMode::VerifyFull {
            verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        }
        Ok(())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verdict = self.judge(end_entity, intermediates, server_name, now);
        let chain = std::iter::once(end_entity).chain(intermediates).map(|cert| cert.clone().into_owned()).collect();
        // Asked once in a handshake; an answer to a second time would not be looked at.
        let _ = self.offered.set(Offered { chain, verdict });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Shows the client's certificate as another resolver does, and notes that it was asked for.
#[derive(Debug)]
struct Shown {
    recorder: Arc<Recorder>,
    by: Arc<dyn ResolvesClientCert>,
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.recorder.asked.store(true, Ordering::Relaxed);
        self.by.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.by.has_certs()
    }
}

/// The dates of a certificate that is trusted as itself.
fn within_dates(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), TlsError> {
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now > parsed.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if now < parsed.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    Ok(())
}

/// Whether the mode asks for a trusted certificate.
pub(super) const fn verifies(mode: TlsMode) -> bool {
    matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull)
}

/// A finished handshake whose certificate is as the mode asks.
#[derive(Debug)]
pub(super) struct Secured {
    /// The stream.
    pub stream: Box<TlsStream<TcpStream>>,
    /// The hash of the server's certificate for channel binding (RFC 5929), where its signature names one.
    pub binding: Option<Vec<u8>>,
    /// Whether the server asked for the client's certificate.
    pub asks_certificate: bool,
}

/// No TLS as the mode asks for it.
#[derive(Debug)]
pub(super) struct Refused {
    /// Why.
    pub trouble: Trouble,
    /// The stream to a server that is not trusted, where there is one: for a goodbye without a secret.
    pub stream: Option<Box<TlsStream<TcpStream>>>,
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, stream: None }
    }
}

/// Shakes hands over `stream` as `settings` and `mode` ask, with a server that should be `host`. The facts come
/// back whatever the outcome.
pub(super) async fn handshake(
    stream: TcpStream,
    settings: &Settings,
    host: &str,
    mode: TlsMode,
) -> (Option<TlsFacts>, Result<Secured, Refused>) {
    match plan(settings, host, mode) {
        Ok(plan) => shake(stream, plan, host).await,
        Err(trouble) => (None, Err(trouble.into())),
    }
}

/// Shakes hands over `stream` as every browser does: the name must be `host`, and the certificate from an
/// authority of the web, from one in `pem`, or from one of `further`.
pub(super) async fn handshake_as_web(
    stream: TcpStream,
    host: &str,
    pem: Option<&str>,
    further: &[CertificateDer<'static>],
) -> (Option<TlsFacts>, Result<Secured, Refused>) {
    match web_plan(host, pem, further) {
        Ok(plan) => shake(stream, plan, host).await,
        Err(trouble) => (None, Err(trouble.into())),
    }
}

async fn shake(
    stream: TcpStream,
    (recorder, config, name): Plan,
    host: &str,
) -> (Option<TlsFacts>, Result<Secured, Refused>) {
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let offered = recorder.offered.get();
    let chain = offered.map(|offered| offered.chain.as_slice()).unwrap_or_default();
    let mut facts = TlsFacts {
        version: None,
        cipher: None,
        verified: false,
        chain: chain.iter().take(MAX_CHAIN).map(certificate_facts).collect(),
    };
    let asks_certificate = recorder.asked.load(Ordering::Relaxed);
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => {
            let mut trouble = inner::<TlsError>(&error).map_or_else(|| cut_short(&error), trouble);
            // Before TLS 1.3 there is no alert of its own for a certificate that is missing.
            if asks_certificate && trouble.code.as_deref() == Some(HANDSHAKE_FAILURE) {
                trouble = trouble.also(&[Cause::CredentialsMissing]);
            }
            return (Some(facts).filter(|facts| !facts.chain.is_empty()), Err(trouble.into()));
        }
    };
    let session = stream.get_ref().1;
    facts.version = session.protocol_version().and_then(|version| version.as_str()).map(|name| name.replace('_', "."));
    facts.cipher = session
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        // rustls writes TLS 1.3's names with a prefix of its own.
        .map(|name| name.replacen("TLS13_", "TLS_", 1));
    let verdict = match offered {
        Some(Offered { verdict, .. }) => verdict.clone(),
        None => Err(TlsError::NoCertificatesPresented),
    };
    if let Err(error) = verdict {
        let trouble = refused(&error, &facts, host);
        return (Some(facts), Err(Refused { trouble, stream: Some(Box::new(stream)) }));
    }
    facts.verified = verifies(recorder.mode);
    let binding = chain.first().and_then(end_point_hash);
    (Some(facts), Ok(Secured { stream: Box::new(stream), binding, asks_certificate }))
}

type Plan = (Arc<Recorder>, ClientConfig, ServerName<'static>);

fn unusable(what: &str) -> Trouble {
    Trouble::new(Cause::DriverMisconfigured, what)
}

fn plan(settings: &Settings, host: &str, mode: TlsMode) -> Result<Plan, Trouble> {
    let trust = match settings.ca_certificate.as_deref().filter(|pem| !pem.trim().is_empty()) {
        None => Trust::Public,
        Some(pem) => {
            let certificates = certificates(pem).ok_or_else(|| unusable("The CA certificate is not PEM."))?;
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.iter().cloned());
            Trust::Given { roots, certificates }
        }
    };
    let recorder = Arc::new(Recorder::new(mode, trust));
    let builder = client(&recorder)?;
    let certificate = settings.client_certificate.as_deref().filter(|pem| !pem.trim().is_empty());
    let key = settings.client_key.as_ref().map(Secret::reveal).filter(|pem| !pem.trim().is_empty());
    let mut config = match (certificate, key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate).ok_or_else(|| unusable("The client certificate is not PEM."))?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|_| unusable("The client key is not a PEM key without a passphrase."))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|_| unusable("The client certificate and the client key do not belong together."))?
        }
        _ => return Err(unusable("A client certificate needs its key, and a key its certificate.")),
    };
    config.client_auth_cert_resolver =
        Arc::new(Shown { recorder: Arc::clone(&recorder), by: config.client_auth_cert_resolver });
    // A resumed session shows no certificates.
    config.resumption = Resumption::disabled();
    Ok((recorder, config, server_name(host)?))
}

fn web_plan(host: &str, pem: Option<&str>, further: &[CertificateDer<'static>]) -> Result<Plan, Trouble> {
    let given = match pem.filter(|pem| !pem.trim().is_empty()) {
        None => Vec::new(),
        Some(pem) => certificates(pem).ok_or_else(|| unusable("The CA certificate is not PEM."))?,
    };
    let trust = if given.is_empty() && further.is_empty() {
        Trust::Public
    } else {
        let mut roots = public_roots().clone();
        roots.add_parsable_certificates(given.iter().chain(further).cloned());
        Trust::Given { roots, certificates: given }
    };
    let mode = TlsMode::VerifyFull;
    let recorder = Arc::new(Recorder::new(mode, trust));
    let mut config = client(&recorder)?.with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok((recorder, config, server_name(host)?))
}

fn client(recorder: &Arc<Recorder>) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Trouble> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone());
    Ok(builder)
}

fn server_name(host: &str) -> Result<ServerName<'static>, Trouble> {
    match Host::parse(host) {
        Ok(Host::Address(address)) => Ok(ServerName::from(address)),
        Ok(Host::Name(name)) => {
            ServerName::try_from(name).map_err(|_| unusable("The host cannot be a name in a certificate."))
        }
        Err(error) => Err(unusable(&error.to_string())),
    }
}

/// The certificates of a PEM text; none where there is not a single whole one.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().ok()?;
    let whole = !all.is_empty() && all.iter().all(|der| X509Certificate::from_der(der).is_ok());
    whole.then_some(all)
}

/// The handshake ended without a word of TLS.
fn cut_short(error: &io::Error) -> Trouble {
    let mut trouble = Trouble::from_io(error);
    if trouble.cause == Some(Cause::ConnectionReset) {
        "The server closed the connection during the TLS handshake.".clone_into(&mut trouble.message);
    }
    trouble.also(&[Cause::TlsProtocolMismatch])
}

/// A login that was refused by a server that had asked for the client's certificate: it may be what was missing, or
/// another than the account's. Few servers say so.
pub(super) fn after_asking(trouble: Trouble, settings: &Settings, user: &str) -> Trouble {
    let given = settings.client_certificate.as_deref().and_then(certificates);
    let hint = match given.as_deref().and_then(<[_]>::first).and_then(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(name_of(certificate.subject()))
    }) {
        Some(name) => format!(
            "The server asked for a client certificate; the one that was shown is for “{name}”, and the login is as \
             “{user}”. The account may be bound to another."
        ),
        None => "The server asked for a client certificate, and the connection has none: an account that has to show \
                 one is refused like this."
            .to_owned(),
    };
    trouble.also(&[Cause::CredentialsMissing]).hint(hint)
}

/// The certificate is not what the mode asks for. The first reason decides; the others that are plain to see
/// are named with it.
fn refused(error: &TlsError, facts: &TlsFacts, host: &str) -> Trouble {
    let mut trouble = trouble(error);
    let Some(leaf) = facts.chain.first() else { return trouble };
    match trouble.cause {
        Some(Cause::TlsCertExpired) => {
            trouble.message = format!(
                "The certificate is valid from {} to {}, which is not now.",
                leaf.not_before.utc(),
                leaf.not_after.utc()
            );
        }
        Some(Cause::TlsHostnameMismatch) => {
            trouble.message = if leaf.names.is_empty() {
                format!("The certificate names no host; the connection asks for {host}.")
            } else {
                format!("The certificate is for {}; the connection asks for {host}.", leaf.names.join(", "))
            };
        }
        Some(Cause::TlsCertUntrusted) if is_of_another_purpose(error) => {
            trouble.message = format!(
                "The certificate of {} is not made for servers: its extended key usage leaves out server \
                 authentication. Whoever issued it has to issue one for a server.",
                leaf.subject
            );
        }
        Some(Cause::TlsCertUntrusted) => {
            trouble.message = if leaf.subject == leaf.issuer {
                format!("The certificate of {} is signed by itself, and not trusted here.", leaf.subject)
            } else {
                format!("The certificate was issued by {}, which is not trusted here.", leaf.issuer)
            };
        }
        _ => {}
    }
    trouble
}

/// Whether the certificate is refused for what it may be used for, whoever issued it.
const fn is_of_another_purpose(error: &TlsError) -> bool {
    use CertificateError::{InvalidPurpose, InvalidPurposeContext};

    matches!(error, TlsError::InvalidCertificate(InvalidPurpose | InvalidPurposeContext { .. }))
}

/// What an error of TLS comes down to.
pub(super) fn trouble(error: &TlsError) -> Trouble {
    use AlertDescription as Alert;
    use CertificateError as Certificate;

    let cause = match error {
        TlsError::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => Cause::TlsCertExpired,
        TlsError::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. })
        | TlsError::AlertReceived(Alert::UnrecognisedName) => Cause::TlsHostnameMismatch,
        TlsError::InvalidCertificate(_) | TlsError::NoCertificatesPresented => Cause::TlsCertUntrusted,
        TlsError::AlertReceived(Alert::CertificateRequired) => {
            return Trouble::new(Cause::CredentialsMissing, "The server asks for a client certificate.");
        }
        TlsError::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::AccessDenied,
        ) => {
            return Trouble::new(
                Cause::AccessRuleDenied,
                format!("The server refused the client certificate: {error}."),
            )
            .also(&[Cause::TlsCertUntrusted, Cause::CredentialsMissing]);
        }
        TlsError::AlertReceived(alert) => {
            return Trouble::new(Cause::TlsProtocolMismatch, error.to_string())
                .code(format!("TLS_ALERT_{}", u8::from(*alert)));
        }
        TlsError::PeerIncompatible(_) => Cause::TlsProtocolMismatch,
        TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. } => {
            return Trouble::new(Cause::WrongProtocol, "The server did not answer in TLS.")
                .also(&[Cause::TlsNotSupported]);
        }
        _ => return Trouble::new(Cause::TlsProtocolMismatch, error.to_string()),
    };
    Trouble::new(cause, error.to_string())
}

/// What a certificate says, as far as it can be read.
fn certificate_facts(der: &CertificateDer<'static>) -> CertificateFacts {
    let mut facts = CertificateFacts {
        subject: String::new(),
        issuer: String::new(),
        not_before: Timestamp::from_micros(0),
        not_after: Timestamp::from_micros(0),
        names: Vec::new(),
        sha256: hex(&Sha256::digest(der)),
    };
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return facts };
    let at = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    facts.subject = name_of(certificate.subject());
    facts.issuer = name_of(certificate.issuer());
    facts.not_before = at(certificate.validity().not_before.timestamp());
    facts.not_after = at(certificate.validity().not_after.timestamp());
    if let Ok(Some(names)) = certificate.subject_alternative_name() {
        facts.names = names.value.general_names.iter().filter_map(host_name).take(MAX_NAMES).collect();
    }
    facts
}

/// The common name, else the whole name. The server chose it: it is kept short and visible.
fn name_of(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|attribute| attribute.as_str().ok().map(str::to_owned));
    scrub(&common.unwrap_or_else(|| name.to_string()), &[])
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(scrub(name, &[])),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// `tls-server-end-point` of RFC 5929: the certificate under the hash of its own signature, or SHA-256 where
/// that one is MD5 or SHA-1. A signature without a single hash (PSS, Ed25519) has no binding.
fn end_point_hash(der: &CertificateDer<'static>) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Some(Sha256::digest(der).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Sha384::digest(der).to_vec()),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Sha512::digest(der).to_vec()),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

    use super::*;

    #[test]
    fn a_certificate_for_clients_is_not_its_authoritys_fault() {
        let key = || KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Trial Root");
        let authority_key = key();
        let root = authority.self_signed(&authority_key).expect("a root").der().clone();
        let issuer = Issuer::new(authority, authority_key);
        let mut roots = RootCertStore::empty();
        roots.add(root).expect("an authority");
        for (usage, says) in [
            (Some(ExtendedKeyUsagePurpose::ClientAuth), Some("not made for servers")),
            (Some(ExtendedKeyUsagePurpose::ServerAuth), None),
            (None, None),
        ] {
            let mut params = CertificateParams::new(vec!["db.example.org".to_owned()]).expect("a name");
            params.extended_key_usages = usage.clone().into_iter().collect();
            let leaf = params.signed_by(&key(), &issuer).expect("a certificate").der().clone();
            let trust = Trust::Given { roots: roots.clone(), certificates: Vec::new() };
            let name = server_name("db.example.org").map_err(|trouble| trouble.message).expect("a name");
            let judged = Recorder::new(TlsMode::VerifyFull, trust).judge(&leaf, &[], &name, UnixTime::now());
            let facts =
                TlsFacts { version: None, cipher: None, verified: false, chain: vec![certificate_facts(&leaf)] };
            let found = judged.err().map(|error| refused(&error, &facts, "db.example.org"));
            assert_eq!(
                found.as_ref().and_then(|trouble| trouble.cause),
                says.map(|_| Cause::TlsCertUntrusted),
                "{usage:?}"
            );
            let message = found.map(|trouble| trouble.message).unwrap_or_default();
            assert!(message.contains(says.unwrap_or_default()) && !message.contains("Trial Root"), "{message}");
        }
    }
}
