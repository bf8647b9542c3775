//! Certificates for the servers of the tests.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

/// A certificate with its key, both PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, and nothing after it.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Certificate {
    /// Followed by the certificate of its authority, so that the file will do for a server's `ca` as well.
    pub fn with_authority(self, authority: &Authority) -> Self {
        Self { certificate: [&self.certificate, authority.certificate()].concat(), ..self }
    }
}

/// An authority that issues certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// A new authority with a key of its own.
    pub fn new(name: &str) -> Self {
        let mut params = params(&[], name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("make a key");
        let certificate = params.self_signed(&key).expect("sign the authority").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Its certificate, PEM: what goes into a connection's `caCertificate`.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for `names` (host names or addresses), for far longer than a test or until `not_after`.
    pub fn issue(&self, names: &[&str], not_after: Option<OffsetDateTime>) -> Certificate {
        let key = KeyPair::generate().expect("make a key");
        let params = params(names, names.first().copied().unwrap_or("client"), not_after);
        let certificate = params.signed_by(&key, &self.issuer).expect("sign a certificate").pem();
        Certificate { certificate, key: key.serialize_pem() }
    }
}

/// A certificate for `names` that nobody but itself vouches for.
pub fn self_signed(names: &[&str], not_after: Option<OffsetDateTime>) -> Certificate {
    let key = KeyPair::generate().expect("make a key");
    let params = params(names, names.first().copied().unwrap_or("server"), not_after);
    let certificate = params.self_signed(&key).expect("sign a certificate").pem();
    Certificate { certificate, key: key.serialize_pem() }
}

fn params(names: &[&str], common_name: &str, not_after: Option<OffsetDateTime>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names that a certificate can hold");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    if let Some(not_after) = not_after {
        params.not_after = not_after;
    }
    params
}
