//! Single values of the object, each read or refused with a sentence for a person.

use serde_json::Value;

use super::super::{AuthMechanism, Secret, TlsMode};
use crate::connections::has_hidden;

/// DNS names have at most 253 characters (RFC 1035, without the root's dot).
const LONGEST_HOST: usize = 253;
/// Identifiers are far shorter in PostgreSQL (63 bytes) and MySQL (64 characters); user names of some
/// hosts carry a tenant or a project.
const LONGEST_NAME: usize = 255;
/// Cloud tokens that are used as passwords reach two thousand characters.
const LONGEST_PASSWORD: usize = 8_192;
/// Below, no handshake is done; above, a check would outlast its interval.
const CONNECT_TIMEOUT_MS: std::ops::RangeInclusive<u32> = 100..=60_000;
/// More seeds than any replica set has members (50).
const MOST_HOSTS: usize = 50;

pub(super) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "Enter a text.".to_owned())
}

/// A host name or an address; IPv6 comes with or without brackets and leaves without.
pub(super) fn host(value: &Value) -> Result<String, String> {
    if value.is_array() {
        return Err(HOST_LIST.to_owned());
    }
    let host = text(value)?;
    if host.starts_with('/') || host.starts_with('@') || host.starts_with('\\') {
        return Err("Unix sockets are not taken. Enter a host name or an address.".to_owned());
    }
    if host.contains(',') {
        return Err(HOST_LIST.to_owned());
    }
    if host.chars().count() > LONGEST_HOST {
        return Err(format!("The host has more than {LONGEST_HOST} characters."));
    }
    if has_hidden(host) {
        return Err("The host has a control character in it, like a line break. Type it again.".to_owned());
    }
    if host.contains("://") {
        return Err("This is a whole address. Paste it into the box for addresses, or enter the host alone.".to_owned());
    }
    let bare = match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').ok_or_else(|| "The bracket after the IPv6 address is missing.".to_owned())?
        }
        None => host,
    };
    if bare.contains(':') {
        // A zone (`fe80::1%eth0`) is the server's own interface; the address before it must be one.
        let address = bare.split_once('%').map_or(bare, |(address, _)| address);
        return match address.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(bare.to_owned()),
            Err(_) if bare.matches(':').count() == 1 => Err("Enter the port in its own field.".to_owned()),
            Err(_) => Err("This is no IPv6 address.".to_owned()),
        };
    }
    if host.starts_with('[')
        || bare.is_empty()
        || bare.contains(|char: char| char.is_whitespace() || FORBIDDEN.contains(&char))
    {
        return Err(
            "A host has no spaces and none of / @ ? # % ; = in it. Enter the name or the address alone.".to_owned()
        );
    }
    Ok(bare.to_owned())
}

/// One or more hosts, each with a port of its own or `port`; as a list, or in one text with commas.
pub(in crate::connections) fn hosts(value: &Value, port: u16) -> Result<Vec<(String, u16)>, String> {
    let mut hosts = Vec::new();
    match value {
        Value::Array(list) => {
            for entry in list {
                match entry {
                    Value::Object(object) => {
                        let name = host(object.get("host").unwrap_or(&Value::Null))?;
                        let port = object.get("port").map_or(Ok(port), self::port)?;
                        hosts.push((name, port));
                    }
                    entry => hosts.push(host_and_port(text(entry)?, port)?),
                }
            }
        }
        value => {
            for entry in text(value)?.split(',') {
                hosts.push(host_and_port(entry.trim(), port)?);
            }
        }
    }
    match hosts.len() {
        0 => Err("Enter the host: a name like db.example.com, or an address.".to_owned()),
        1..=MOST_HOSTS => Ok(hosts),
        _ => Err(format!("There are more than {MOST_HOSTS} hosts.")),
    }
}

/// `host`, `host:port`, `[::1]`, `[::1]:port` or `::1`.
pub(super) fn host_and_port(text: &str, otherwise: u16) -> Result<(String, u16), String> {
    let colon = match text.rfind(']') {
        Some(bracket) => text[bracket..].rfind(':').map(|at| bracket + at),
        None if text.matches(':').count() == 1 => text.find(':'),
        None => None,
    };
    match colon {
        Some(at) => Ok((host(&Value::from(&text[..at]))?, port(&Value::from(&text[at + 1..]))?)),
        None => Ok((host(&Value::from(text))?, otherwise)),
    }
}

/// What ends a host in an address.
const FORBIDDEN: [char; 12] = ['/', '\\', '@', '?', '#', '%', '[', ']', '<', '>', ';', '='];
const HOST_LIST: &str = "Enter one host. Add further ones as connections of their own, so that each is watched.";

pub(super) fn unsigned(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

pub(super) fn port(value: &Value) -> Result<u16, String> {
    unsigned(value)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| "The port is a number from 1 to 65535.".to_owned())
}

pub(super) fn timeout(value: &Value, factor: u64) -> Result<u32, String> {
    unsigned(value)
        .and_then(|number| number.checked_mul(factor))
        .and_then(|ms| u32::try_from(ms).ok())
        .filter(|ms| CONNECT_TIMEOUT_MS.contains(ms))
        .ok_or_else(|| "The connect timeout is a number of milliseconds from 100 to 60,000.".to_owned())
}

pub(super) fn name(value: &Value, what: &str) -> Result<String, String> {
    let name = text(value)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("The {what} has more than {LONGEST_NAME} characters."));
    }
    if has_hidden(name) {
        return Err(format!("The {what} has a control character in it, like a line break. Type it again."));
    }
    Ok(name.to_owned())
}

pub(super) fn password(value: &Value) -> Result<Secret, String> {
    let password = match value {
        // A password of digits, in an object that somebody wrote by hand.
        Value::Number(number) => number.to_string(),
        value => text(value)?.to_owned(),
    };
    if password.chars().count() > LONGEST_PASSWORD {
        return Err(format!("The password has more than {LONGEST_PASSWORD} characters."));
    }
    if password.contains('\0') {
        return Err("The password has a NUL character in it, which no protocol carries.".to_owned());
    }
    Ok(Secret::new(password))
}

/// A mode as the wire, libpq (`allow`), node-postgres (`no-verify`), MySQL (`VERIFY_IDENTITY`) and JDBC
/// (`DISABLED`) spell it.
pub(super) fn tls_mode(value: &Value) -> Result<TlsMode, String> {
    if let Some(on) = value.as_bool() {
        return Ok(if on { TlsMode::Require } else { TlsMode::Disable });
    }
    match text(value)?.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => Ok(TlsMode::Disable),
        "prefer" | "preferred" | "allow" => Ok(TlsMode::Prefer),
        "require" | "required" | "no-verify" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" | "verify-identity" => Ok(TlsMode::VerifyFull),
        _ => Err("The TLS mode is one of disable, prefer, require, verify-ca, verify-full.".to_owned()),
    }
}

/// A switch as objects, forms and addresses spell it.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(on) => Ok(*on),
        value => match value.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Ok(true),
            "false" | "0" | "off" | "no" => Ok(false),
            _ => Err("Enter true or false.".to_owned()),
        },
    }
}

/// A mechanism of MongoDB; none where the server's own choice is asked for. Those that need a file, a cloud's
/// metadata or a clear password are refused by name.
pub(super) fn auth_mechanism(value: &Value) -> Result<Option<AuthMechanism>, String> {
    let name = text(value)?.to_ascii_uppercase();
    match name.as_str() {
        "DEFAULT" => Ok(None),
        "SCRAM-SHA-1" => Ok(Some(AuthMechanism::ScramSha1)),
        "SCRAM-SHA-256" => Ok(Some(AuthMechanism::ScramSha256)),
        "MONGODB-X509" => Ok(Some(AuthMechanism::X509)),
        "MONGODB-AWS" | "MONGODB-OIDC" | "GSSAPI" | "PLAIN" | "MONGODB-CR" => Err(format!(
            "{name} is not taken: it would use this server's own identity, or send the password in the clear. Use a user with SCRAM or a client certificate."
        )),
        _ => Err("The mechanism is one of SCRAM-SHA-256, SCRAM-SHA-1, MONGODB-X509.".to_owned()),
    }
}
