//! One sealed value, in memory and in its two stored forms.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::{TryRngCore, rngs::OsRng};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ids::UserId;

use super::{
    VaultError,
    keys::{KEY_LENGTH, KeyId, MasterKey},
};

/// The field that marks an envelope among other JSON; its value is the version.
pub(super) const MARK: &str = "$sealed";
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;
const TAG_LENGTH: usize = 16;
const WRAPPED_LENGTH: usize = NONCE_LENGTH + KEY_LENGTH + TAG_LENGTH;

/// What a sealed value belongs to. It is authenticated, not stored.
pub(super) struct Binding {
    pub row: Uuid,
    pub owner: UserId,
    pub field: &'static str,
}

impl Binding {
    /// Additional authenticated data. All parts before the last are of fixed length or end with a zero
    /// byte that cannot occur in them, so that no two bindings give the same bytes.
    fn authenticated(&self, layer: Layer<'_>) -> Vec<u8> {
        let mut bytes = b"mooring\0".to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(self.row.as_bytes());
        bytes.extend_from_slice(self.owner.0.as_bytes());
        bytes.extend_from_slice(self.field.as_bytes());
        bytes.push(0);
        match layer {
            Layer::Data => bytes.extend_from_slice(b"data"),
            Layer::Wrap(id) => {
                bytes.extend_from_slice(b"dek\0");
                bytes.extend_from_slice(id.as_str().as_bytes());
            }
        }
        bytes
    }
}

#[derive(Clone, Copy)]
enum Layer<'a> {
    Data,
    Wrap(&'a KeyId),
}

/// A sealed value: which master key, the wrapped data key, the ciphertext; each with its nonce before it.
#[derive(Debug)]
pub(super) struct Sealed {
    key: KeyId,
    wrapped: [u8; WRAPPED_LENGTH],
    data: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(rename = "$sealed")]
    version: u8,
    kid: KeyId,
    dek: String,
    data: String,
}

impl Sealed {
    pub(super) const fn key_id(&self) -> &KeyId {
        &self.key
    }

    pub(super) fn seal(master: &MasterKey, binding: &Binding, secret: &[u8]) -> Result<Self, VaultError> {
        let mut data_key = Zeroizing::new([0; KEY_LENGTH]);
        fill(data_key.as_mut_slice())?;
        let data = encrypt(&data_key, &binding.authenticated(Layer::Data), secret)?;
        Ok(Self { key: master.id().clone(), wrapped: wrap(master, binding, &data_key)?, data })
    }

    pub(super) fn open(&self, master: &MasterKey, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let data_key = self.unwrap_key(master, binding)?;
        decrypt(&data_key, &binding.authenticated(Layer::Data), &self.data)
            .ok_or_else(|| VaultError::Rejected(self.key.clone()))
    }

    pub(super) fn rewrap(&self, from: &MasterKey, to: &MasterKey, binding: &Binding) -> Result<Self, VaultError> {
        let data_key = self.unwrap_key(from, binding)?;
        Ok(Self { key: to.id().clone(), wrapped: wrap(to, binding, &data_key)?, data: self.data.clone() })
    }

    fn unwrap_key(&self, master: &MasterKey, binding: &Binding) -> Result<Zeroizing<[u8; KEY_LENGTH]>, VaultError> {
        let rejected = || VaultError::Rejected(self.key.clone());
        let opened = decrypt(master.bytes(), &binding.authenticated(Layer::Wrap(&self.key)), &self.wrapped)
            .ok_or_else(rejected)?;
        opened.as_slice().try_into().map(Zeroizing::new).map_err(|_| rejected())
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            MARK: VERSION,
            "kid": self.key.as_str(),
            "dek": STANDARD.encode(self.wrapped),
            "data": STANDARD.encode(&self.data),
        })
    }

    pub(super) fn from_json(value: &Value) -> Result<Self, VaultError> {
        let stored = Stored::deserialize(value).map_err(|_| VaultError::Malformed)?;
        if stored.version != VERSION {
            return Err(VaultError::Malformed);
        }
        let wrapped = STANDARD.decode(stored.dek).map_err(|_| VaultError::Malformed)?;
        let data = STANDARD.decode(stored.data).map_err(|_| VaultError::Malformed)?;
        Self::new(stored.kid, &wrapped, data)
    }

    /// `version, length of the id, id, wrapped data key, ciphertext`.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [prefix(&self.key).as_slice(), &self.wrapped, &self.data].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        let [VERSION, length, rest @ ..] = bytes else { return Err(VaultError::Malformed) };
        let (id, rest) = rest.split_at_checked(usize::from(*length)).ok_or(VaultError::Malformed)?;
        let (wrapped, data) = rest.split_at_checked(WRAPPED_LENGTH).ok_or(VaultError::Malformed)?;
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or(VaultError::Malformed)?;
        Self::new(id, wrapped, data.to_vec())
    }

    fn new(key: KeyId, wrapped: &[u8], data: Vec<u8>) -> Result<Self, VaultError> {
        let wrapped = wrapped.try_into().map_err(|_| VaultError::Malformed)?;
        if data.len() < NONCE_LENGTH + TAG_LENGTH {
            return Err(VaultError::Malformed);
        }
        Ok(Self { key, wrapped, data })
    }
}

/// How every binary envelope under the key `id` starts.
pub(super) fn prefix(id: &KeyId) -> Vec<u8> {
    let id = id.as_str().as_bytes();
    // An id has 32 characters at most.
    let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
    [&[VERSION, length], id].concat()
}

fn wrap(
    master: &MasterKey,
    binding: &Binding,
    data_key: &[u8; KEY_LENGTH],
) -> Result<[u8; WRAPPED_LENGTH], VaultError> {
    let wrapped = encrypt(master.bytes(), &binding.authenticated(Layer::Wrap(master.id())), data_key)?;
    wrapped.try_into().map_err(|_| VaultError::Malformed)
}

/// Fills `bytes` from the operating system's generator.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), VaultError> {
    OsRng.try_fill_bytes(bytes).map_err(|_| VaultError::Random)
}

fn encrypt(key: &[u8; KEY_LENGTH], authenticated: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_LENGTH];
    fill(&mut nonce)?;
    let sealed = XChaCha20Poly1305::new(Key::from_slice(key))
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: authenticated })
        .map_err(|_| VaultError::TooLong)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &[u8; KEY_LENGTH], authenticated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LENGTH)?;
    XChaCha20Poly1305::new(Key::from_slice(key))
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: authenticated })
        .ok()
        .map(Zeroizing::new)
}
