//! What configurations that work have in common: the classes of their settings. A class holds so many servers that
//! it identifies none.

use serde::{Deserialize, Serialize};

use crate::connections::{
    Provider,
    settings::{PublicSettings, PublicSpecial, TlsMode, default_tls, is_private_host},
};

/// The kind of configuration that worked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// What kind of database.
    pub provider: String,
    /// `default`, `pooler` or `other`.
    pub port_class: String,
    /// One of the five modes, the one that counts.
    pub tls_mode: String,
    /// `direct`, `session_pooler`, `transaction_pooler` or `pooler`.
    pub route: String,
    /// `loopback`, `private`, `public_address`, `public_name`, or whose service it is (`aws`, `neon`, …).
    pub host_class: String,
}

/// A kind of configuration and how often it worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternCount {
    /// The kind.
    pub pattern: Pattern,
    /// How many connections worked so.
    pub count: u64,
}

/// The settings that decide the kind; nothing else of them is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Host name or address; of a list the first.
    pub host: &'a str,
    /// TCP port, where set.
    pub port: Option<u16>,
    /// The mode, where set.
    pub tls: Option<TlsMode>,
}

/// Ports on which poolers listen by convention: Supabase's and pgcat's, `PgBouncer`'s, `ProxySQL`'s, Odyssey's.
const POOLER_PORTS: [u16; 3] = [6543, 6432, 6033];

/// Whose service a name belongs to.
const SERVICES: [(&str, &str); 22] = [
    (".rds.amazonaws.com", "aws"),
    (".amazonaws.com", "aws"),
    (".neon.tech", "neon"),
    (".supabase.co", "supabase"),
    (".supabase.com", "supabase"),
    (".supabase.in", "supabase"),
    (".mongodb.net", "atlas"),
    (".database.azure.com", "azure"),
    (".azure.com", "azure"),
    (".googleapis.com", "google"),
    (".firebaseio.com", "google"),
    (".firebasedatabase.app", "google"),
    (".render.com", "render"),
    (".rlwy.net", "railway"),
    (".railway.app", "railway"),
    (".psdb.cloud", "planetscale"),
    (".ondigitalocean.com", "digitalocean"),
    (".aivencloud.com", "aiven"),
    (".cockroachlabs.cloud", "cockroach"),
    (".timescale.com", "timescale"),
    (".tidbcloud.com", "tidb"),
    (".fly.dev", "fly"),
];

impl Pattern {
    /// The kind of stored or typed settings.
    #[must_use]
    pub fn of_settings(provider: Provider, settings: &PublicSettings) -> Self {
        let tls = Some(settings.effective_tls());
        // Where there is no server of one's own, the address of the interface says whose it is.
        let address = match &settings.special {
            PublicSpecial::Firebase(firebase) => firebase.emulator_host.as_deref().or(firebase.database_url.as_deref()),
            PublicSpecial::Supabase(supabase) if settings.host.is_empty() => Some(supabase.url.as_str()),
            _ => return Self::of(provider, Facts { host: &settings.host, port: Some(settings.port), tls }),
        };
        let (host, _) = host_and_port(address.unwrap_or_default());
        let tls =
            if address.is_some_and(|address| address.starts_with("http://")) { Some(TlsMode::Disable) } else { tls };
        Self::of(provider, Facts { host, port: None, tls })
    }

    /// The kind to which `facts` belong.
    #[must_use]
    pub fn of(provider: Provider, facts: Facts<'_>) -> Self {
        let host = facts.host.trim().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let port = facts.port.filter(|port| *port != 0).unwrap_or_else(|| provider.default_port());
        let port_class = if POOLER_PORTS.contains(&port) {
            "pooler"
        } else if port == provider.default_port() {
            "default"
        } else {
            "other"
        };
        let names_a_pooler = host.split('.').any(|label| label == "pooler" || label.ends_with("-pooler"));
        let route = match (provider, port, names_a_pooler) {
            (Provider::Firebase, ..) => "direct",
            (_, 6543, _) => "transaction_pooler",
            // Neon's pooler pools transactions on the usual port; Supabase's pools sessions there.
            (_, _, true) if host.ends_with(".neon.tech") => "transaction_pooler",
            (_, _, true) => "session_pooler",
            (_, 6432 | 6033, _) => "pooler",
            _ => "direct",
        };
        Self {
            provider: provider.code().to_owned(),
            port_class: port_class.to_owned(),
            tls_mode: facts.tls.unwrap_or_else(|| default_tls(&host)).code().to_owned(),
            route: route.to_owned(),
            host_class: host_class(&host).to_owned(),
        }
    }
}

/// Host and port of `scheme://user:password@host:port/…`; of a list, the first.
pub(super) fn host_and_port(address: &str) -> (&str, Option<u16>) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let first = place.split(',').next().unwrap_or(place);
    match first.rsplit_once(':') {
        Some((host, port)) if !first.ends_with(']') => (host, port.parse().ok()),
        _ => (first, None),
    }
}

fn host_class(host: &str) -> &'static str {
    if let Some((_, service)) = SERVICES.iter().find(|(suffix, _)| host.ends_with(suffix)) {
        return service;
    }
    let address = host.parse::<std::net::IpAddr>().map(|address| address.to_canonical());
    match address {
        _ if host.is_empty() => "hosted",
        Ok(address) if address.is_loopback() => "loopback",
        Err(_) if host == "localhost" || host.ends_with(".localhost") => "loopback",
        _ if is_private_host(host) => "private",
        Ok(_) => "public_address",
        Err(_) => "public_name",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connections::settings::Settings;

    #[test]
    fn settings_become_classes() {
        for (provider, host, port, tls, expected) in [
            (Provider::PostgreSql, "127.0.0.1", None, None, "default prefer direct loopback"),
            (Provider::PostgreSql, "db.acme.example", Some(5433), None, "other verify-full direct public_name"),
            (
                Provider::PostgreSql,
                "ep-x-pooler.eu-central-1.aws.neon.tech",
                None,
                Some(TlsMode::Require),
                "default require transaction_pooler neon",
            ),
            (
                Provider::Supabase,
                "aws-0-eu-west-1.pooler.supabase.com",
                Some(6543),
                Some(TlsMode::Require),
                "pooler require transaction_pooler supabase",
            ),
            (
                Provider::Supabase,
                "aws-0-eu-west-1.pooler.supabase.com",
                Some(5432),
                None,
                "default verify-full session_pooler supabase",
            ),
            (Provider::MySql, "10.0.0.5", Some(3306), None, "default prefer direct private"),
            (Provider::MySql, "8.8.8.8", None, Some(TlsMode::Disable), "default disable direct public_address"),
            (Provider::MongoDb, "c0.abc.mongodb.net", None, None, "default verify-full direct atlas"),
            (Provider::Firebase, "", None, Some(TlsMode::VerifyFull), "default verify-full direct hosted"),
        ] {
            let pattern = Pattern::of(provider, Facts { host, port, tls });
            let found = format!("{} {} {} {}", pattern.port_class, pattern.tls_mode, pattern.route, pattern.host_class);
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn what_is_stored_has_a_kind_whatever_the_provider() {
        let local = json!({"url": "http://127.0.0.1:54321", "anonKey": "k"});
        for (provider, settings, expected) in [
            (Provider::PostgreSql, json!({"host": "[::1]", "tls": "require"}), "default require direct loopback"),
            (Provider::MongoDb, json!({"uri": "mongodb+srv://c0.abc.mongodb.net"}), "default verify-full direct atlas"),
            (
                Provider::Supabase,
                json!({"url": "abcdefghijklmnopqrst", "anonKey": "k"}),
                "default verify-full direct supabase",
            ),
            (Provider::Supabase, local, "default disable direct loopback"),
            (Provider::Firebase, json!({"projectId": "shop-1"}), "default verify-full direct hosted"),
            (
                Provider::Firebase,
                json!({"databaseURL": "https://shop-1.firebaseio.com", "apiKey": "k"}),
                "default verify-full direct google",
            ),
            (
                Provider::Firebase,
                json!({"projectId": "shop-1", "emulatorHost": "localhost:8080"}),
                "default disable direct loopback",
            ),
        ] {
            let read =
                Settings::from_json(provider, &settings).unwrap_or_else(|errors| panic!("{settings}: {errors:?}"));
            let pattern = Pattern::of_settings(provider, &read.public());
            let found = format!("{} {} {} {}", pattern.port_class, pattern.tls_mode, pattern.route, pattern.host_class);
            assert_eq!(found, expected, "{settings}");
        }
    }

    #[test]
    fn nothing_of_the_host_is_in_it() {
        let pattern =
            Pattern::of(Provider::PostgreSql, Facts { host: "payroll-7.acme.example", port: Some(15_432), tls: None });
        let text = format!("{pattern:?}");
        for part in ["payroll", "acme", "15432"] {
            assert!(!text.contains(part), "{text}");
        }
    }
}
