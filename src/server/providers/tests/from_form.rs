//! What the drivers' tests begin with: anything that may be typed, and the settings that come of it on the whole way
//! that settings go, from the form through the vault.

use proptest::{prelude::*, sample::select};
use uuid::Uuid;

use super::*;
use crate::{
    connections::form::ConnectionForm,
    ids::UserId,
    server::vault::{KeySource, Vault},
};

/// Longer addresses are refused with a word on it.
const LONGEST_ADDRESS: usize = 16_384;

/// What was typed, and what is to arrive.
#[derive(Clone, Debug)]
pub(in crate::server::providers) struct Typed {
    pub form: ConnectionForm,
    pub username: String,
    pub password: String,
    /// The host as it is dialled: without brackets.
    pub host: String,
}

impl Typed {
    /// The settings that come out of the vault; typed field by field, and pasted as an address where
    /// there are addresses.
    pub(in crate::server::providers) fn arrived(&self) -> Vec<Settings> {
        let scheme = match self.form.provider.as_str() {
            "postgresql" => "postgresql",
            "mysql" => "mysql",
            "mongodb" => "mongodb",
            _ => return vec![through_the_vault(&self.form)],
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let (user, password) = (percent(&self.username), percent(&self.password));
        let pasted = format!("{scheme}://{user}:{password}@{host}/shop");
        let mut arrived = vec![through_the_vault(&self.form)];
        if pasted.len() <= LONGEST_ADDRESS {
            let provider = self.form.provider.clone();
            arrived.push(through_the_vault(&ConnectionForm { provider, pasted, ..ConnectionForm::default() }));
        }
        arrived
    }
}

/// Form, settings, envelope as the database keeps it, settings.
pub(in crate::server::providers) fn through_the_vault(form: &ConnectionForm) -> Settings {
    let target = form.target().unwrap_or_else(|errors| panic!("{errors:?}"));
    let key = Secret::new("tests:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    let vault = Vault::load(KeySource::Variable(key), false).expect("a key");
    let (row, owner) = (Uuid::from_u128(1), UserId(Uuid::from_u128(2)));
    let plain = target.settings.to_json().to_string();
    let envelope = vault.seal(row, owner, "credentials", plain.as_bytes()).expect("sealed").to_string();
    let envelope = serde_json::from_str(&envelope).expect("the envelope");
    let opened = vault.open(row, owner, "credentials", &envelope).expect("opened");
    let opened = serde_json::from_slice(&opened).expect("what was sealed");
    Settings::from_json(target.provider, &opened).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// A form of `provider` in which anything may stand that it takes.
pub(in crate::server::providers) fn typed(provider: Provider) -> impl Strategy<Value = Typed> {
    (names(), passwords(), hosts()).prop_map(move |(username, password, (host, bare))| Typed {
        form: ConnectionForm {
            provider: provider.code().to_owned(),
            host,
            database: "shop".to_owned(),
            username: username.clone(),
            password: password.clone(),
            url: "abcdefghijklmnopqrst".to_owned(),
            ..ConnectionForm::default()
        },
        username,
        password,
        host: bare,
    })
}

/// What addresses, shells, files and SQL give a meaning to, and what people write with.
fn names() -> impl Strategy<Value = String> {
    "[@#?%/:\\\\'\"=,;&$`{}a-zA-Z0-9é漢😀 ]{1,40}"
}

/// Any password but NUL, which no protocol carries: of one character and of the most that are taken, of what has a
/// meaning elsewhere, and of every plane of Unicode.
pub(in crate::server::providers) fn passwords() -> impl Strategy<Value = String> {
    let any = any::<char>().prop_filter("NUL", |char| *char != '\0');
    // The planes are 0 to 16; the lowest characters of plane 0 are control characters.
    let planes =
        (0_u32..=16, 0x20_u32..0xfffe).prop_filter_map("surrogates", |(plane, at)| char::from_u32(plane << 16 | at));
    prop_oneof![
        4 => prop::collection::vec(select("@#?%/:\\'\" \t+&=;$`{}".chars().collect::<Vec<_>>()), 1..20),
        4 => prop::collection::vec(any, 1..60),
        4 => prop::collection::vec(planes, 1..40),
        1 => (select(vec!['x', '%', ' ', '漢', '😀']), 1_000..=8_192_usize).prop_map(|(char, times)| vec![char; times]),
    ]
    .prop_map(String::from_iter)
}

/// A host as it may be typed, and as it is meant.
fn hosts() -> impl Strategy<Value = (String, String)> {
    let v6 = || any::<[u16; 8]>().prop_map(|parts| std::net::Ipv6Addr::from(parts).to_string());
    prop_oneof![
        "[a-z][a-z0-9-]{0,20}(\\.[a-z]{2,8}){0,3}".prop_map(|name| (name.clone(), name)),
        any::<[u8; 4]>().prop_map(|parts| std::net::Ipv4Addr::from(parts).to_string()).prop_map(|v4| (v4.clone(), v4)),
        v6().prop_map(|address| (address.clone(), address)),
        v6().prop_map(|address| (format!("[{address}]"), address)),
        "[a-z]{1,10}\\.example".prop_map(|name| (format!("  {name} "), name)),
    ]
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}

proptest! {
    /// What is dialled is the address that was typed, with or without brackets.
    #[test]
    fn an_address_is_dialled_as_it_was_typed((typed, meant) in hosts()) {
        let Ok(address) = meant.parse::<IpAddr>() else { return Ok(()) };
        let form = ConnectionForm { provider: "mysql".to_owned(), host: typed, ..ConnectionForm::default() };
        let settings = through_the_vault(&form);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let egress = Egress::new(crate::server::config::EgressPolicy::SelfHosted);
        let deadline = Instant::now() + Duration::from_secs(5);
        match runtime.block_on(egress.resolve(&settings.host, settings.port, deadline)) {
            Ok(resolved) => prop_assert_eq!(resolved.addresses(), [SocketAddr::new(address.to_canonical(), 3306)]),
            // Addresses that no server of anybody's has.
            Err(error) => prop_assert!(matches!(error, EgressError::Barred { .. }), "{error:?}"),
        }
    }
}
