use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const ROW: Uuid = Uuid::from_u128(1);
const OWNER: UserId = UserId(Uuid::from_u128(2));
const FIELD: &str = "credentials";

/// `id` with a key of 32 times `byte`.
fn entry(id: &str, byte: u8) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("{id}:{}", STANDARD.encode([byte; 32]))
}

fn vault(list: &str) -> Vault {
    Vault::load(KeySource::Variable(Secret::new(list)), false).expect("a usable list")
}

fn opened(vault: &Vault, envelope: &Value) -> Vec<u8> {
    vault.open(ROW, OWNER, FIELD, envelope).expect("it opens").to_vec()
}

#[test]
fn the_envelope_has_the_documented_shape() {
    let envelope = vault(&entry("a", 1)).seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
    let fields: Vec<&String> = envelope.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["$sealed", "data", "dek", "kid"]);
    assert_eq!((&envelope["$sealed"], &envelope["kid"]), (&json!(1), &json!("a")));
    assert!(Vault::is_sealed(&envelope) && !Vault::is_sealed(&json!({"host": "db"})));
}

#[test]
fn a_fingerprint_is_of_one_secret_owner_and_key() {
    let vault = vault(&entry("a", 1));
    let of = |vault: &Vault, owner, secret: &str| vault.fingerprints(owner, secret.as_bytes());
    let one = of(&vault, OWNER, "hush");
    assert_eq!(one, of(&vault, OWNER, "hush"));
    assert_ne!(one, of(&vault, OWNER, "hushh"));
    assert_ne!(one, of(&vault, UserId(ROW), "hush"));
    assert_ne!(one, of(&self::vault(&entry("a", 2)), OWNER, "hush"));
    // After a rotation both keys are known, and what the old one made is found.
    let rotated = self::vault(&format!("{},{}", entry("b", 2), entry("a", 1)));
    assert!(of(&rotated, OWNER, "hush").contains(&one[0]));
}

#[test]
fn another_row_owner_field_or_key_does_not_open() {
    let vault = vault(&entry("a", 1));
    let envelope = vault.seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
    let other = Uuid::from_u128(9);
    for refused in [
        vault.open(other, OWNER, FIELD, &envelope),
        vault.open(ROW, UserId(other), FIELD, &envelope),
        vault.open(ROW, OWNER, "totp_secret", &envelope),
        self::vault(&entry("a", 2)).open(ROW, OWNER, FIELD, &envelope),
    ] {
        assert!(matches!(refused, Err(VaultError::Rejected(_))), "{refused:?}");
    }
    let unknown = self::vault(&entry("b", 1)).open(ROW, OWNER, FIELD, &envelope);
    assert!(matches!(unknown, Err(VaultError::UnknownKey(id)) if id.as_str() == "a"));
}

#[test]
fn the_parts_of_two_envelopes_do_not_mix() {
    let vault = vault(&entry("a", 1));
    let one = vault.seal(ROW, OWNER, FIELD, b"one").expect("sealed");
    let two = vault.seal(ROW, OWNER, FIELD, b"two").expect("sealed");
    let mut mixed = one.clone();
    mixed["data"] = two["data"].clone();
    assert!(vault.open(ROW, OWNER, FIELD, &mixed).is_err());
    assert_ne!(one["dek"], two["dek"]);
}

#[test]
fn a_key_under_another_id_does_not_open() {
    let mut envelope = vault(&entry("a", 1)).seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
    envelope["kid"] = json!("b");
    assert!(matches!(vault(&entry("b", 1)).open(ROW, OWNER, FIELD, &envelope), Err(VaultError::Rejected(_))));
}

#[test]
fn what_is_no_envelope_is_malformed() {
    let vault = vault(&entry("a", 1));
    let good = vault.seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
    let with = |field: &str, value: Value| {
        let mut envelope = good.clone();
        envelope[field] = value;
        envelope
    };
    for bad in [
        json!(null),
        json!("text"),
        json!({}),
        json!({"host": "db"}),
        with("$sealed", json!(2)),
        with("$sealed", json!("1")),
        with("kid", json!("")),
        with("kid", json!("a b")),
        with("dek", json!("")),
        with("dek", json!("%%%")),
        with("data", json!("AAAA")),
        with("more", json!(1)),
    ] {
        assert!(matches!(vault.open(ROW, OWNER, FIELD, &bad), Err(VaultError::Malformed)), "{bad}");
    }
}

#[test]
fn rewrapping_moves_to_the_current_key_and_keeps_the_data() {
    let old = vault(&entry("a", 1));
    let both = vault(&format!("{},{}", entry("b", 2), entry("a", 1)));
    let envelope = old.seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
    let moved = both.rewrap(ROW, OWNER, FIELD, &envelope).expect("rewrapped").expect("it was under the old key");
    assert_eq!((&moved["kid"], &moved["data"]), (&json!("b"), &envelope["data"]));
    assert_eq!(opened(&vault(&entry("b", 2)), &moved), b"hush");
    assert!(both.rewrap(ROW, OWNER, FIELD, &moved).expect("nothing to do").is_none());
    assert!(both.rewrap(ROW, UserId(ROW), FIELD, &envelope).is_err());
}

#[test]
fn lists_of_keys_are_read_strictly() {
    for (list, reason) in [
        ("", "it is empty"),
        (" , \n", "it is empty"),
        ("abc", "entry 1 is not of the form id:base64"),
        ("a:???", "the key `a` is not valid base64"),
        ("a:aHVzaA==", "the key `a` has 4 bytes instead of 32"),
        ("ä:aHVzaA==", "entry 1: an id has 1 to 32 letters, digits, `-`, `_` and `.`"),
        (&format!("{0},{0}", entry("a", 1)), "the key `a` is there twice"),
    ] {
        let error = Vault::load(KeySource::Variable(Secret::new(list)), false).expect_err(list);
        assert_eq!(error.to_string(), format!("MOORING_MASTER_KEY holds no usable master key: {reason}"));
    }
    assert_eq!(vault(&format!(" {} ,\n{}\n", entry("a", 1), entry("b", 2))).current_key().as_str(), "a");
}

#[test]
fn nothing_shows_a_key() {
    let vault = vault(&entry("a", 0x41));
    let shown = format!("{vault:?}");
    assert!(!shown.contains("QUFB") && !shown.contains("65, 65") && !shown.contains("AAAA"), "{shown}");
}

#[test]
fn the_data_folders_key_is_made_once_and_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let source = KeySource::DataFolder(folder.path().join("data/master.key"));
    assert!(matches!(Vault::load(source.clone(), false), Err(VaultError::KeyFile { action: "read", .. })));
    let first = Vault::load(source.clone(), true).expect("made");
    let second = Vault::load(source.clone(), true).expect("read");
    assert_eq!(first.current_key(), second.current_key());
    let path = source.path().expect("a file");
    assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path().join("data")).expect("there").count(), 1, "no drafts are left");
    let envelope = first.seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
    assert_eq!(opened(&second, &envelope), b"hush");
}

#[test]
fn a_running_process_follows_a_rotation_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = KeySource::DataFolder(folder.path().join("master.key"));
    let running = Vault::load(source.clone(), true).expect("made");
    let before = running.seal(ROW, OWNER, FIELD, b"before").expect("sealed");
    let new = keys::add_key(source.path().expect("a file")).expect("added");
    let rotating = Vault::load(source, false).expect("read");
    assert_eq!(rotating.current_key(), new);
    let after = rotating.seal(ROW, OWNER, FIELD, b"after").expect("sealed");
    assert_eq!(opened(&running, &after), b"after", "an unknown id makes it read the file again");
    assert_eq!(opened(&running, &before), b"before");
    assert_eq!(running.seal(ROW, OWNER, FIELD, b"later").expect("sealed")["kid"], json!(new.as_str()));
}

#[test]
fn a_running_process_seals_under_the_new_key_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = KeySource::DataFolder(folder.path().join("master.key"));
    let running = Vault::load(source.clone(), true).expect("made");
    let new = keys::add_key(source.path().expect("a file")).expect("added");
    assert_eq!(running.seal(ROW, OWNER, FIELD, b"later").expect("sealed")["kid"], json!(new.as_str()));
}

#[test]
fn the_keys_of_a_backup_go_where_nothing_is_or_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = KeySource::DataFolder(folder.path().join("data/master.key"));
    let (one, two) = (Secret::new(entry("a", 1)), Secret::new(format!("{},{}", entry("b", 2), entry("a", 1))));
    assert!(file.accepts(&one).is_ok() && file.adopt(&one).is_ok() && file.adopt(&one).is_ok());
    assert_eq!(Vault::load(file.clone(), false).expect("there").export().as_str(), entry("a", 1));
    assert!(file.adopt(&two).is_err_and(|error| error.to_string().contains("`b`")));
    let variable = KeySource::Variable(two.clone());
    assert!(variable.adopt(&one).is_ok());
    assert!(variable.adopt(&Secret::new(entry("a", 3))).is_err(), "the same id, another key");
    assert!(KeySource::Variable(one).adopt(&two).is_err());
}

#[test]
fn check_values_tell_keys_apart() {
    let ring = |list: &str| KeyRing::parse(list, "a test").expect("a usable list");
    let (one, same, other, renamed) =
        (ring(&entry("a", 1)), ring(&entry("a", 1)), ring(&entry("a", 2)), ring(&entry("b", 1)));
    let value = one.current().check_value();
    assert!(same.current().matches(&value));
    assert!(!other.current().matches(&value) && !renamed.current().matches(&value) && !one.current().matches(&[]));
}

proptest! {
    #[test]
    fn opens_to_what_was_sealed(secret in prop::collection::vec(any::<u8>(), 0..400)) {
        let vault = vault(&entry("a", 7));
        let envelope = vault.seal(ROW, OWNER, FIELD, &secret).expect("sealed");
        prop_assert_eq!(opened(&vault, &envelope), secret.clone());
        let bytes = vault.seal_bytes(ROW, OWNER, FIELD, &secret).expect("sealed");
        prop_assert_eq!(vault.open_bytes(ROW, OWNER, FIELD, &bytes).expect("it opens").to_vec(), secret);
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed(secret in prop::collection::vec(any::<u8>(), 0..40), bit in any::<prop::sample::Index>()) {
        let vault = vault(&entry("a", 7));
        let mut bytes = vault.seal_bytes(ROW, OWNER, FIELD, &secret).expect("sealed");
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(vault.open_bytes(ROW, OWNER, FIELD, &bytes).is_err());
    }

    #[test]
    fn no_changed_letter_goes_unnoticed(field in prop::sample::select(vec!["kid", "dek", "data"]), at in any::<prop::sample::Index>(), letter in "[ -~]") {
        let vault = vault(&entry("abc", 7));
        let mut envelope = vault.seal(ROW, OWNER, FIELD, b"hush").expect("sealed");
        let text = envelope[field].as_str().expect("text").to_owned();
        let at = at.index(text.len());
        let changed = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        envelope[field] = json!(changed);
        prop_assert!(vault.open(ROW, OWNER, FIELD, &envelope).is_err());
    }

    #[test]
    fn what_is_cut_off_never_opens_nor_panics(secret in prop::collection::vec(any::<u8>(), 0..40), length in any::<prop::sample::Index>()) {
        let vault = vault(&entry("a", 7));
        let bytes = vault.seal_bytes(ROW, OWNER, FIELD, &secret).expect("sealed");
        prop_assert!(vault.open_bytes(ROW, OWNER, FIELD, &bytes[..length.index(bytes.len())]).is_err());
    }

    #[test]
    fn noise_never_opens_nor_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(vault(&entry("a", 7)).open_bytes(ROW, OWNER, FIELD, &bytes).is_err());
    }
}
