//! Connection strings that are no addresses.
//!
//! | whose | form |
//! | --- | --- |
//! | libpq | `host=db.example.com user=app password='a b'` |
//! | .NET and ODBC | `Host=db.example.com;User Id=app;Password="a;b"`, `Driver={…};Server=…;UID=…;PWD={a;b}` |
//! | Go's driver for MySQL | `app:password@tcp(db.example.com:3306)/shop?tls=true` |

use serde_json::{Map, Value};

use super::{UrlError, canonical, decode, split_port};
use crate::connections::Provider;

type Fields = Map<String, Value>;

/// What the text says, and of which kind of database it is where that can be told.
pub(super) fn read(text: &str) -> Result<(Option<Provider>, Fields), UrlError> {
    if let Some(fields) = of_go(text) {
        return fields.map(|fields| (Some(Provider::MySql), fields));
    }
    if has_semicolons(text) { with_semicolons(text) } else { Ok((None, with_blanks(text)?)) }
}

/// libpq's: values with blanks in single quotes, `\'` and `\\` inside.
fn with_blanks(text: &str) -> Result<Map<String, Value>, UrlError> {
    let mut fields = Map::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or(UrlError::NotAnAddress)?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(UrlError::NotAnAddress);
        }
        let (value, after) = pair_value(value.trim_start())?;
        if !value.is_empty() {
            fields.insert(canonical(name), Value::String(value));
        }
        rest = after.trim_start();
    }
    if let Some(address) = fields.remove("hostaddr")
        && fields.insert("host".to_owned(), address).is_some()
    {
        return Err(UrlError::TwoHosts);
    }
    if fields.is_empty() { Err(UrlError::NotAnAddress) } else { Ok(fields) }
}

/// The value at the start of `text`, and what follows it.
fn pair_value(text: &str) -> Result<(String, &str), UrlError> {
    let (quoted, text) = text.strip_prefix('\'').map_or((false, text), |text| (true, text));
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.push(chars.next().ok_or(UrlError::Pairs)?.1),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            char if !quoted && char.is_whitespace() => return Ok((value, &text[at..])),
            char => value.push(char),
        }
    }
    if quoted { Err(UrlError::Pairs) } else { Ok((value, "")) }
}

/// Whether semicolons stand between the pairs: before the first there is one pair, behind it another or nothing.
fn has_semicolons(text: &str) -> bool {
    text.split_once(';').is_some_and(|(first, rest)| {
        let more_pairs = first.split_whitespace().skip(1).filter(|word| word.contains('=')).count();
        let named_with_blank = first.split_once('=').is_some_and(|(name, _)| name.trim().contains(' '));
        (more_pairs == 0 || more_pairs == 1 && named_with_blank) && (rest.trim().is_empty() || rest.contains('='))
    })
}

/// The names of Npgsql, `MySqlConnector`, Connector/NET and the ODBC drivers; what else they set is left out.
fn with_semicolons(text: &str) -> Result<(Option<Provider>, Fields), UrlError> {
    let mut fields = Fields::new();
    // Of the kind of database, the strongest first.
    let mut hints = [None; 3];
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|char: char| char == ';' || char.is_whitespace());
        if rest.is_empty() {
            break;
        }
        let (name, behind) = rest.split_once('=').ok_or(UrlError::Pairs)?;
        let (value, behind) = closed_value(behind.trim_start())?;
        rest = behind;
        let name: String = name
            .chars()
            .filter(|char| !matches!(char, ' ' | '_' | '-'))
            .map(|char| char.to_ascii_lowercase())
            .collect();
        let plain = value.to_ascii_lowercase().replace([' ', '_', '-'], "");
        let (strength, said) = match (name.as_str(), plain.as_str()) {
            ("driver", driver) if driver.contains("mysql") || driver.contains("mariadb") => (0, Some(Provider::MySql)),
            ("driver", driver) if driver.contains("postgres") => (0, Some(Provider::PostgreSql)),
            ("port", "3306") | ("sslmode", "none" | "preferred" | "required" | "verifyidentity") => {
                (1, Some(Provider::MySql))
            }
            ("port", "5432") => (1, Some(Provider::PostgreSql)),
            // As MySQL's own examples write them, and PostgreSQL's do not.
            ("uid" | "pwd", _) => (2, Some(Provider::MySql)),
            _ => (2, None),
        };
        hints[strength] = hints[strength].or(said);
        let (name, value) = match name.as_str() {
            "host" | "hostname" | "server" | "servername" | "datasource" | "address" | "addr" | "networkaddress" => {
                ("host", value)
            }
            "port" => ("port", value),
            "username" | "userid" | "user" | "uid" => ("username", value),
            "password" | "pwd" | "psw" => ("password", value),
            "database" | "initialcatalog" | "db" | "dbname" => ("database", value),
            "timeout" | "connecttimeout" | "connectiontimeout" => ("connect_timeout", value),
            "sslmode" => ("sslmode", tls_mode(&plain).map_or(value, str::to_owned)),
            _ => continue,
        };
        if !value.is_empty() {
            fields.insert(name.to_owned(), Value::String(value));
        }
    }
    if fields.is_empty() { Err(UrlError::NotAnAddress) } else { Ok((hints.into_iter().flatten().next(), fields)) }
}

/// libpq's word for .NET's.
fn tls_mode(plain: &str) -> Option<&'static str> {
    Some(match plain {
        "disable" | "disabled" | "none" => "disable",
        "allow" | "prefer" | "preferred" => "prefer",
        "require" | "required" => "require",
        "verifyca" => "verify-ca",
        "verifyfull" | "verifyidentity" => "verify-full",
        _ => return None,
    })
}

/// The value at the start of `text` up to a semicolon, and what follows it. Where it begins with a quote or a brace it
/// ends with its like, which stands twice inside.
fn closed_value(text: &str) -> Result<(String, &str), UrlError> {
    let closing = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        Some('{') => '}',
        _ => {
            let (value, rest) = text.split_once(';').unwrap_or((text, ""));
            return Ok((value.trim_end().to_owned(), rest));
        }
    };
    let inner = &text[1..];
    let mut value = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char != closing || chars.next_if(|(_, next)| *next == closing).is_some() {
            value.push(char);
        } else {
            let rest = inner[at + 1..].trim_start();
            return if rest.is_empty() || rest.starts_with(';') { Ok((value, rest)) } else { Err(UrlError::Pairs) };
        }
    }
    Err(UrlError::Pairs)
}

/// `[user[:password]@]tcp(host[:port])/database[?name=value…]`, where the text has that form. Nothing before the
/// question mark is percent-encoded.
fn of_go(text: &str) -> Option<Result<Fields, UrlError>> {
    let (userinfo, rest) = match text.rsplit_once("@tcp(") {
        Some((userinfo, rest)) => (userinfo, rest),
        None => ("", text.strip_prefix("tcp(")?),
    };
    let (authority, path) = rest.split_once(")/")?;
    let (host, port) = split_port(authority);
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Some(Err(UrlError::Port));
    }
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let (database, query) = path.split_once('?').unwrap_or((path, ""));
    let tls = query.split('&').find_map(|pair| match pair.strip_prefix("tls=")? {
        "true" => Some("verify-full"),
        "skip-verify" => Some("require"),
        "preferred" => Some("prefer"),
        "false" => Some("disable"),
        // A configuration of the program's own.
        _ => None,
    });
    let named = [
        ("username", user.to_owned()),
        ("password", password.to_owned()),
        ("host", host.to_owned()),
        ("port", port.unwrap_or_default().to_owned()),
        ("database", decode(database)),
        ("tls", tls.unwrap_or_default().to_owned()),
    ];
    let given = named.into_iter().filter(|(_, value)| !value.is_empty());
    Some(Ok(given.map(|(name, value)| (name.to_owned(), Value::String(value))).collect()))
}
