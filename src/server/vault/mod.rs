//! Seals and opens secrets.
//!
//! # How a password is kept
//!
//! Each value is encrypted with a *data key* of its own, made for this one sealing. The data key is
//! encrypted ("wrapped") with a *master key*, which has an id and lives outside the database. What is
//! stored is an envelope of the id, the wrapped data key and the ciphertext:
//!
//! ```text
//! {"$sealed": 1, "kid": "k3f9a01c2", "dek": "base64", "data": "base64"}
//! ```
//!
//! Both layers are XChaCha20-Poly1305, whose nonces are long enough to be drawn at random, and both are bound to the row, its owner
//! and the field: an envelope that is copied to another row, user or column does not open. Several master
//! keys may be known; the first is the current one, which seals. A new current key therefore costs one
//! re-wrapping of 32 bytes for each row ([`rotate`]) and no value is opened for it.
//!
//! # Where the keys are
//!
//! In `MOORING_MASTER_KEY`, in the file that `MOORING_MASTER_KEY_FILE` names, or in `master.key` in the data
//! folder. A file is read again when it changes or an unknown id is met, so running processes learn of a
//! rotation by themselves. At the start [`check`] compares each key with what the database remembers of it.
//!
//! This module must not know what it seals, nor log, nor store.

mod envelope;
mod keys;

pub mod check;
pub mod rotate;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{connections::settings::Secret, ids::UserId};

pub use keys::KeyId;

use envelope::{Binding, Sealed};
use keys::{KeyRing, Stamp};

/// Where the master keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// `MOORING_MASTER_KEY`: fixed until the process starts again.
    Variable(Secret),
    /// `MOORING_MASTER_KEY_FILE`: the operator's file, which has to be there.
    File(PathBuf),
    /// `master.key` in the data folder, made once where there is none.
    DataFolder(PathBuf),
}

impl KeySource {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Variable(_) => None,
            Self::File(path) | Self::DataFolder(path) => Some(path),
        }
    }

    /// Whether the keys of a backup, `list`, are here, or can be put here because nothing is.
    ///
    /// # Errors
    ///
    /// [`VaultError::KeyList`], where the source holds other keys.
    pub fn accepts(&self, list: &Secret) -> Result<(), VaultError> {
        let backup = KeyRing::parse(list.reveal(), "the backup")?;
        let (place, here) = match self {
            Self::Variable(_) => ("MOORING_MASTER_KEY".to_owned(), Known::read(self)?.ring),
            Self::File(path) | Self::DataFolder(path) if path.exists() => {
                (format!("the file {}", path.display()), Known::read(self)?.ring)
            }
            Self::File(_) | Self::DataFolder(_) => return Ok(()),
        };
        match here.lacks(&backup) {
            None => Ok(()),
            Some(id) => {
                Err(VaultError::KeyList { place, reason: format!("the backup's key `{id}` is not among its keys") })
            }
        }
    }

    /// Puts the keys of a backup here, where nothing is yet.
    ///
    /// # Errors
    ///
    /// As [`accepts`](Self::accepts), and [`VaultError::KeyFile`].
    pub fn adopt(&self, list: &Secret) -> Result<(), VaultError> {
        self.accepts(list)?;
        match self.path() {
            Some(path) if !path.exists() => keys::place_file(path, &KeyRing::parse(list.reveal(), "the backup")?),
            _ => Ok(()),
        }
    }
}

/// Why something cannot be sealed or opened. No variant tells anything of the value.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The stored value is no envelope, or a damaged one.
    #[error("the stored value is not a sealed envelope, or it is damaged")]
    Malformed,
    /// The envelope names a key that the source does not hold.
    #[error("the master key `{0}` is not known")]
    UnknownKey(KeyId),
    /// The envelope was changed, or it belongs to another row, owner or field, or the key is another one.
    #[error(
        "the sealed value does not open: it was changed, it belongs to another row, or the master key `{0}` is another one"
    )]
    Rejected(KeyId),
    /// The value is too long to be sealed (more than 256 GiB).
    #[error("the value is too long to be sealed")]
    TooLong,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
    /// The list of keys cannot be read; the text says which entry and why, never a key.
    #[error("{place} holds no usable master key: {reason}")]
    KeyList {
        /// The variable or the file.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key file cannot be read or written.
    #[error("the master key file {} cannot be {action}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// `read`, `written` or `made`.
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// The known master keys, and what is done with them.
#[derive(Debug)]
pub struct Vault {
    source: KeySource,
    keys: RwLock<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    ring: Arc<KeyRing>,
    /// What the file looked like when it was read; none for the variable.
    stamp: Option<Stamp>,
}

impl Known {
    fn read(source: &KeySource) -> Result<Self, VaultError> {
        match source {
            KeySource::Variable(list) => {
                Ok(Self { ring: Arc::new(KeyRing::parse(list.reveal(), "MOORING_MASTER_KEY")?), stamp: None })
            }
            KeySource::File(path) | KeySource::DataFolder(path) => {
                let (ring, stamp) = keys::read_file(path)?;
                Ok(Self { ring: Arc::new(ring), stamp: Some(stamp) })
            }
        }
    }
}

impl Vault {
    /// Reads the keys. The file in the data folder is made where there is none and `may_create` holds:
    /// it must not be where the database already holds values under another key.
    ///
    /// # Errors
    ///
    /// [`VaultError::KeyList`] and [`VaultError::KeyFile`], where there is no usable key.
    pub fn load(source: KeySource, may_create: bool) -> Result<Self, VaultError> {
        if let (KeySource::DataFolder(path), true) = (&source, may_create) {
            keys::create_file(path)?;
        }
        let keys = RwLock::new(Known::read(&source)?);
        Ok(Self { source, keys })
    }

    /// Seals `secret` for the field `field` of the row `row` of `owner`. Sealing twice gives different
    /// envelopes.
    ///
    /// # Errors
    ///
    /// [`VaultError::Random`] or [`VaultError::TooLong`].
    pub fn seal(&self, row: Uuid, owner: UserId, field: &'static str, secret: &[u8]) -> Result<Value, VaultError> {
        Ok(self.seal_envelope(row, owner, field, secret)?.to_json())
    }

    /// Opens what [`seal`](Self::seal) made for the same row, owner and field.
    ///
    /// # Errors
    ///
    /// [`VaultError::Malformed`], [`VaultError::UnknownKey`] or [`VaultError::Rejected`].
    pub fn open(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        envelope: &Value,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open_envelope(row, owner, field, &Sealed::from_json(envelope)?)
    }

    /// The same secret under the current master key, or none where it is under it already.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`seal`](Self::seal).
    pub fn rewrap(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        envelope: &Value,
    ) -> Result<Option<Value>, VaultError> {
        let sealed = self.rewrap_envelope(row, owner, field, &Sealed::from_json(envelope)?)?;
        Ok(sealed.map(|sealed| sealed.to_json()))
    }

    /// As [`seal`](Self::seal), for a `bytea` column.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn seal_bytes(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        secret: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        Ok(self.seal_envelope(row, owner, field, secret)?.to_bytes())
    }

    /// As [`open`](Self::open), for a `bytea` column.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_bytes(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        envelope: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open_envelope(row, owner, field, &Sealed::from_bytes(envelope)?)
    }

    /// As [`rewrap`](Self::rewrap), for a `bytea` column.
    ///
    /// # Errors
    ///
    /// As [`rewrap`](Self::rewrap).
    pub fn rewrap_bytes(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        envelope: &[u8],
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let sealed = self.rewrap_envelope(row, owner, field, &Sealed::from_bytes(envelope)?)?;
        Ok(sealed.map(|sealed| sealed.to_bytes()))
    }

    /// What `secret` of `owner` is known by, under each known master key: two secrets are the same where they
    /// share one. A key that is added later finds what was kept before, as long as the old one is known.
    #[must_use]
    pub fn fingerprints(&self, owner: UserId, secret: &[u8]) -> Vec<Vec<u8>> {
        let ring = self.fresh_ring();
        ring.iter().map(|key| key.fingerprint(owner.0.as_bytes(), secret).to_vec()).collect()
    }

    /// Whether `value` claims to be an envelope, as opposed to plaintext that came by SQL.
    #[must_use]
    pub fn is_sealed(value: &Value) -> bool {
        value.get(envelope::MARK).is_some()
    }

    /// The id of the key that seals now.
    #[must_use]
    pub fn current_key(&self) -> KeyId {
        self.known().ring.current().id().clone()
    }

    /// The list of known keys as the source holds it (`id:base64,…`), for a backup.
    #[must_use]
    pub fn export(&self) -> Zeroizing<String> {
        self.known().ring.to_list()
    }

    fn seal_envelope(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        secret: &[u8],
    ) -> Result<Sealed, VaultError> {
        let ring = self.fresh_ring();
        Sealed::seal(ring.current(), &Binding { row, owner, field }, secret)
    }

    fn open_envelope(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let ring = self.ring_with(sealed.key_id())?;
        let key = ring.get(sealed.key_id()).ok_or_else(|| VaultError::UnknownKey(sealed.key_id().clone()))?;
        sealed.open(key, &Binding { row, owner, field })
    }

    fn rewrap_envelope(
        &self,
        row: Uuid,
        owner: UserId,
        field: &'static str,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, VaultError> {
        let ring = self.ring_with(sealed.key_id())?;
        if sealed.key_id() == ring.current().id() {
            return Ok(None);
        }
        let key = ring.get(sealed.key_id()).ok_or_else(|| VaultError::UnknownKey(sealed.key_id().clone()))?;
        sealed.rewrap(key, ring.current(), &Binding { row, owner, field }).map(Some)
    }

    fn known(&self) -> Known {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ring, read again first where the file is another one than was read: a rotation in another
    /// process has made a new current key, and what is sealed from now on is to be under it.
    fn fresh_ring(&self) -> Arc<KeyRing> {
        let known = self.known();
        let changed = self.source.path().is_some_and(|path| match Stamp::of(path) {
            Ok(stamp) => known.stamp != Some(stamp),
            Err(_) => false,
        });
        if !changed {
            return known.ring;
        }
        self.reload().unwrap_or_else(|error| {
            tracing::warn!("the master keys are not read again: {error}");
            known.ring
        })
    }

    /// The ring that holds `id`, after reading the source again where it is not known yet.
    fn ring_with(&self, id: &KeyId) -> Result<Arc<KeyRing>, VaultError> {
        let ring = self.known().ring;
        if ring.get(id).is_some() || self.source.path().is_none() { Ok(ring) } else { self.reload() }
    }

    fn reload(&self) -> Result<Arc<KeyRing>, VaultError> {
        let read = Known::read(&self.source)?;
        let ring = Arc::clone(&read.ring);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(ring)
    }
}

#[cfg(test)]
mod tests;
