//! Master keys: how they are written in a list, and the file that holds one.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac, digest::KeyInit};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{VaultError, envelope::fill};

/// Bytes of a key.
pub(super) const KEY_LENGTH: usize = 32;

/// The name of a master key: 1 to 32 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct KeyId(String);

/// The text is no id of a key.
#[derive(Debug, thiserror::Error)]
#[error("an id has 1 to 32 letters, digits, `-`, `_` and `.`")]
pub struct InvalidKeyId;

impl KeyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKeyId;

    fn try_from(id: String) -> Result<Self, InvalidKeyId> {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if (1..=32).contains(&id.len()) && id.bytes().all(usable) { Ok(Self(id)) } else { Err(InvalidKeyId) }
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(id: &str) -> Result<Self, InvalidKeyId> {
        Self::try_from(id.to_owned())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A master key. Wiped when it goes; its bytes are in no output.
pub(super) struct MasterKey {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl MasterKey {
    pub(super) const fn id(&self) -> &KeyId {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.bytes
    }

    fn random() -> Result<Self, VaultError> {
        let mut name = [0; 4];
        fill(&mut name)?;
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        fill(bytes.as_mut_slice())?;
        Ok(Self { id: KeyId(format!("k{:08x}", u32::from_be_bytes(name))), bytes })
    }

    /// A value by which the key is known again and from which nothing can be learnt about it.
    pub(super) fn check_value(&self) -> [u8; 32] {
        self.checker().finalize().into_bytes().into()
    }

    /// Whether `value` is this key's check value.
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        self.checker().verify_slice(value).is_ok()
    }

    /// By which equal secrets of one owner are known and from which, without the key, nothing can be learnt.
    pub(super) fn fingerprint(&self, owner: &[u8; 16], secret: &[u8]) -> [u8; 32] {
        let mut mac = self.mac();
        mac.update(b"mooring fingerprint 1\0");
        mac.update(owner);
        mac.update(secret);
        mac.finalize().into_bytes().into()
    }

    fn checker(&self) -> Hmac<Sha256> {
        let mut mac = self.mac();
        mac.update(b"mooring key check 1\0");
        mac.update(self.id.0.as_bytes());
        mac
    }

    fn mac(&self) -> Hmac<Sha256> {
        // HMAC fills a key up to the block of its hash with zeros; done here, there is no length to be wrong.
        let mut block = Zeroizing::new([0; 64]);
        let (start, _) = block.split_at_mut(KEY_LENGTH);
        start.copy_from_slice(self.bytes.as_slice());
        <Hmac<Sha256> as KeyInit>::new((&*block).into())
    }

    fn write_to(&self, list: &mut String) {
        list.push_str(&self.id.0);
        list.push(':');
        STANDARD.encode_string(self.bytes.as_slice(), list);
    }
}

/// The known keys: the current one, which seals, and older ones, which only open.
#[derive(Debug)]
pub(super) struct KeyRing {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl KeyRing {
    /// Reads `id:base64[,id:base64…]`; line breaks serve as commas do. `place` is named in errors.
    pub(super) fn parse(list: &str, place: &str) -> Result<Self, VaultError> {
        let fail = |reason: String| VaultError::KeyList { place: place.to_owned(), reason };
        let mut keys: Vec<MasterKey> = Vec::new();
        let entries = list.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        for (entry, number) in entries.zip(1_u32..) {
            let Some((id, encoded)) = entry.split_once(':') else {
                return Err(fail(format!("entry {number} is not of the form id:base64")));
            };
            let id: KeyId = id.trim().parse().map_err(|error| fail(format!("entry {number}: {error}")))?;
            let decoded = STANDARD
                .decode(encoded.trim())
                .map(Zeroizing::new)
                .map_err(|_| fail(format!("the key `{id}` is not valid base64")))?;
            if decoded.len() != KEY_LENGTH {
                return Err(fail(format!("the key `{id}` has {} bytes instead of {KEY_LENGTH}", decoded.len())));
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(fail(format!("the key `{id}` is there twice")));
            }
            let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
            bytes.copy_from_slice(&decoded);
            keys.push(MasterKey { id, bytes });
        }
        let mut keys = keys.into_iter();
        match keys.next() {
            Some(current) => Ok(Self { current, older: keys.collect() }),
            None => Err(fail("it is empty".to_owned())),
        }
    }

    pub(super) const fn current(&self) -> &MasterKey {
        &self.current
    }

    pub(super) fn get(&self, id: &KeyId) -> Option<&MasterKey> {
        self.iter().find(|key| key.id == *id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// The first key of `other` that this ring does not hold.
    pub(super) fn lacks<'a>(&self, other: &'a Self) -> Option<&'a KeyId> {
        let held = |key: &&MasterKey| self.get(&key.id).is_some_and(|own| own.matches(&key.check_value()));
        other.iter().find(|key| !held(key)).map(MasterKey::id)
    }

    /// The form that [`parse`](Self::parse) reads.
    pub(super) fn to_list(&self) -> Zeroizing<String> {
        // Room for all of it at once: a string that grows leaves copies behind.
        let mut list = Zeroizing::new(String::with_capacity(96 * (self.older.len() + 1)));
        for key in self.iter() {
            if !list.is_empty() {
                list.push(',');
            }
            key.write_to(&mut list);
        }
        list
    }
}

/// What a file looked like: enough to notice that it was replaced or rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &fs::Metadata) -> Self {
        Self { inode: metadata.ino(), length: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

/// A list of keys is short; a file longer than this is another file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Reads the keys of a file.
pub(super) fn read_file(path: &Path) -> Result<(KeyRing, Stamp), VaultError> {
    let fail = |source| VaultError::KeyFile { path: path.to_owned(), action: "read", source };
    // The stamp is taken before the text: a change in between is noticed at the next look.
    let stamp = Stamp::of(path).map_err(fail)?;
    if stamp.length > MAX_FILE_BYTES {
        return Err(fail(io::Error::new(io::ErrorKind::InvalidData, "it is too long to be a list of keys")));
    }
    let list = Zeroizing::new(fs::read_to_string(path).map_err(fail)?);
    Ok((KeyRing::parse(&list, &format!("the file {}", path.display()))?, stamp))
}

/// Makes a file with one new key, where there is none.
pub(super) fn create_file(path: &Path) -> Result<(), VaultError> {
    if path.exists() {
        return Ok(());
    }
    let ring = KeyRing { current: MasterKey::random()?, older: Vec::new() };
    place_file(path, &ring)
}

/// Makes a file with these keys, where there is none. Of several processes that start at once one wins,
/// and none reads a half-written file: the file gets its name when it is complete.
pub(super) fn place_file(path: &Path, ring: &KeyRing) -> Result<(), VaultError> {
    let fail = |source| VaultError::KeyFile { path: path.to_owned(), action: "made", source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    }
    let (file, draft) = write_draft(path, &ring.to_list()).map_err(fail)?;
    let linked = fs::hard_link(&draft, path);
    drop(file);
    fs::remove_file(&draft).map_err(fail)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(fail(error)),
        _ => sync_folder(path).map_err(fail),
    }
}

/// Puts a new current key before the keys of the file, which is replaced in one step.
pub(super) fn add_key(path: &Path) -> Result<KeyId, VaultError> {
    let fail = |source| VaultError::KeyFile { path: path.to_owned(), action: "written", source };
    let (old, _) = read_file(path)?;
    let new = MasterKey::random()?;
    let id = new.id.clone();
    let ring = KeyRing { current: new, older: std::iter::once(old.current).chain(old.older).collect() };
    let (file, draft) = write_draft(path, &ring.to_list()).map_err(fail)?;
    // Whoever runs the server owns the file; a rotation by root must not take it away.
    let replaced = fs::metadata(path)
        .and_then(|metadata| std::os::unix::fs::fchown(&file, Some(metadata.uid()), Some(metadata.gid())))
        .and_then(|()| fs::rename(&draft, path));
    if let Err(error) = replaced {
        // What matters is the first error; the draft is nobody's.
        let _ = fs::remove_file(&draft);
        return Err(fail(error));
    }
    sync_folder(path).map_err(fail)?;
    Ok(id)
}

/// Writes `list` to a new file of mode 0600 beside `path`.
fn write_draft(path: &Path, list: &str) -> io::Result<(File, PathBuf)> {
    let mut salt = [0; 4];
    fill(&mut salt).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:08x}", u32::from_be_bytes(salt)));
    let draft = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(list.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok((file, draft))
}

/// Makes a new name last through a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
