//! What people paste: an address (`postgres://user:password@host:5432/db?sslmode=require`), the same as
//! SQLAlchemy, JDBC, Ecto or Prisma write it, MongoDB's with several hosts, the address of a Firebase or Supabase
//! project, and what is no address: libpq's `host=… user=…`, .NET's `Host=…;Username=…`, Go's `app@tcp(host)/db`
//! ([`pairs`]). It is taken apart once, leniently, into the fields of the `credentials` object; nothing else in the
//! product reads or writes addresses.
//!
//! Lenient means that a password which was never percent-encoded is still found. An address is read the
//! strict way where that leaves nothing over; otherwise the last `@` ends the password:
//!
//! ```text
//! postgres://app:a/b?c#d@e@db.example.com:5432/shop
//!            ─┬─ ────┬────  ──────┬─────── ─┬── ─┬──
//!           user  password       host     port database
//! ```

mod pairs;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{
    Provider,
    settings::{self, AuthMechanism, PublicSettings, PublicSpecial, Settings, TlsMode},
};
use crate::error::FieldError;

/// Why a pasted text cannot be read. Never holds the text: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither an address nor `key=value` pairs.
    #[error(
        "This is no database address. It looks like postgresql://user:password@host:5432/database, or host=… user=…."
    )]
    NotAnAddress,
    /// Another scheme than a database's.
    #[error(
        "This is the address of something else. Addresses of PostgreSQL start with postgresql://, of MySQL and MariaDB with mysql://, of MongoDB with mongodb:// or mongodb+srv://."
    )]
    OtherScheme,
    /// An http address, and not one of a project of Supabase or Firebase.
    #[error(
        "This is the address of a web page. Of Supabase and Firebase, the project's own address is needed: https://….supabase.co, https://….firebaseio.com."
    )]
    OtherSite,
    /// There is a port, and it is none.
    #[error("The port in the address is not a number from 1 to 65535.")]
    Port,
    /// A quote in `key='value'` is not closed, or a key has no value.
    #[error("The key=value pairs cannot be read: a quote is not closed, or a value is missing.")]
    Pairs,
    /// libpq would connect to another address than the host's.
    #[error("It has hostaddr beside host, and only one of them is used here. Remove the one that is not meant.")]
    TwoHosts,
    /// Far longer than any address.
    #[error("The address has more than 16,384 characters.")]
    TooLong,
}

/// Longer than the longest password that settings may have, percent-encoded in part.
const LONGEST: usize = 16_384;

/// Parses what was pasted into a provider and settings.
///
/// # Errors
///
/// What is wrong with it, for the field `pasted`.
pub fn parse_url(text: &str) -> Result<(Provider, Settings), FieldError> {
    parse_url_for(None, text)
}

/// The same, where a provider was chosen before: the Postgres address of a Supabase project stays Supabase's.
///
/// # Errors
///
/// As [`parse_url`].
pub fn parse_url_for(chosen: Option<Provider>, text: &str) -> Result<(Provider, Settings), FieldError> {
    let (mut provider, fields) =
        read_for(chosen, text).map_err(|error| FieldError::new("pasted", error.to_string()))?;
    if let (Some(Provider::Supabase), Provider::PostgreSql) = (chosen, provider)
        && fields.get("host").and_then(Value::as_str).is_some_and(is_supabase_host)
    {
        provider = Provider::Supabase;
    }
    match Settings::from_json(provider, &Value::Object(fields)) {
        Ok(settings) => Ok((provider, settings)),
        Err(errors) => {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            Err(FieldError::new("pasted", messages.join(" ")))
        }
    }
}

/// Direct hosts and poolers of Supabase.
fn is_supabase_host(host: &str) -> bool {
    host.ends_with(".supabase.co") || host.ends_with(".supabase.com")
}

/// Takes a pasted text apart into the fields of the `credentials` object, as they stand in it.
///
/// # Errors
///
/// [`UrlError`] where it is no address of an available provider.
pub fn read(text: &str) -> Result<(Provider, Map<String, Value>), UrlError> {
    read_for(None, text)
}

/// The same, where `chosen` is the provider of pairs that do not say.
///
/// # Errors
///
/// As [`read`].
pub fn read_for(chosen: Option<Provider>, text: &str) -> Result<(Provider, Map<String, Value>), UrlError> {
    if text.len() > LONGEST {
        return Err(UrlError::TooLong);
    }
    let text = undress(text);
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        let (said, fields) = pairs::read(text)?;
        let chosen = chosen.filter(|provider| matches!(provider, Provider::PostgreSql | Provider::MySql));
        return Ok((said.or(chosen).unwrap_or(Provider::PostgreSql), fields));
    };
    if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return project(chosen, text, rest);
    }
    let provider = provider(scheme)?;
    let mut fields = address(provider, rest)?;
    if provider == Provider::MongoDb && scheme.to_ascii_lowercase().ends_with("+srv") {
        fields.insert("srv".to_owned(), Value::Bool(true));
    }
    Ok((provider, fields))
}

/// Where a Supabase that was started for development serves its API (`supabase start`).
const LOCAL_SUPABASE_PORT: &str = "54321";

/// The address of a project, told by its host. One that somebody runs by himself may have any name, so there the
/// provider that was chosen decides.
fn project(chosen: Option<Provider>, text: &str, rest: &str) -> Result<(Provider, Map<String, Value>), UrlError> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let (host, port) = split_port(&authority);
    let of_firebase = host.ends_with(".firebaseio.com") || host.ends_with(".firebasedatabase.app");
    let of_supabase = host.ends_with(".supabase.co") || host == "supabase.com" || port == Some(LOCAL_SUPABASE_PORT);
    let (provider, name) = match chosen {
        _ if of_firebase => (Provider::Firebase, "databaseURL"),
        _ if of_supabase => (Provider::Supabase, "url"),
        Some(Provider::Supabase) if !host.is_empty() => (Provider::Supabase, "url"),
        _ => return Err(UrlError::OtherSite),
    };
    Ok((provider, Map::from_iter([(name.to_owned(), Value::from(text))])))
}

/// The address with the password hidden: what a form shows while one types.
#[must_use]
pub fn preview(provider: Provider, settings: &PublicSettings) -> String {
    match &settings.special {
        PublicSpecial::Firebase(firebase) => {
            let endpoint = firebase.endpoint();
            format!("firebase://{}", if endpoint.is_empty() { "…" } else { &endpoint })
        }
        PublicSpecial::Supabase(supabase) => {
            let url = if supabase.url.is_empty() { "https://….supabase.co" } else { &supabase.url };
            if settings.host.is_empty() {
                url.to_owned()
            } else {
                format!("{url} and {}", database_preview(Provider::PostgreSql, settings))
            }
        }
        PublicSpecial::Plain | PublicSpecial::MongoDb(_) => database_preview(provider, settings),
    }
}

fn database_preview(provider: Provider, settings: &PublicSettings) -> String {
    let mongodb = match &settings.special {
        PublicSpecial::MongoDb(mongodb) => Some(mongodb),
        _ => None,
    };
    let srv = mongodb.is_some_and(|mongodb| mongodb.srv);
    let mut text = format!("{}{}://", provider.code(), if srv { "+srv" } else { "" });
    if let Some(username) = &settings.username {
        encode_into(&mut text, username);
        if settings.has_password {
            text.push_str(":•••");
        }
        text.push('@');
    }
    let host = if settings.host.is_empty() { "…" } else { &settings.host };
    if srv {
        text.push_str(host);
    } else {
        let more = mongodb.map(|mongodb| mongodb.more_hosts.as_slice()).unwrap_or_default();
        text.push_str(&settings::host_list(host, settings.port, more).join(","));
    }
    text.push('/');
    if let Some(database) = &settings.database {
        encode_into(&mut text, database);
    }
    let mut before = '?';
    let mut option = |name: &str, value: &str| {
        text.push(before);
        text.push_str(name);
        text.push('=');
        encode_into(&mut text, value);
        before = '&';
    };
    if let Some(mongodb) = mongodb {
        for (name, value) in [
            ("replicaSet", mongodb.replica_set.as_deref()),
            ("authSource", mongodb.auth_source.as_deref()),
            ("authMechanism", mongodb.auth_mechanism.map(AuthMechanism::code)),
            ("directConnection", mongodb.direct_connection.map(|on| if on { "true" } else { "false" })),
        ] {
            if let Some(value) = value {
                option(name, value);
            }
        }
    }
    if let Some(mode) = settings.tls {
        tls_options(provider, mode, option);
    }
    text
}

/// The mode in the provider's own words.
fn tls_options(provider: Provider, mode: TlsMode, mut option: impl FnMut(&str, &str)) {
    match provider {
        Provider::MySql => option(
            "ssl-mode",
            match mode {
                TlsMode::Disable => "DISABLED",
                TlsMode::Prefer => "PREFERRED",
                TlsMode::Require => "REQUIRED",
                TlsMode::VerifyCa => "VERIFY_CA",
                TlsMode::VerifyFull => "VERIFY_IDENTITY",
            },
        ),
        Provider::MongoDb => {
            match mode {
                // MongoDB has no word for it.
                TlsMode::Prefer => return,
                TlsMode::Disable => option("tls", "false"),
                TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => option("tls", "true"),
            }
            match mode {
                TlsMode::Require => option("tlsAllowInvalidCertificates", "true"),
                TlsMode::VerifyCa => option("tlsAllowInvalidHostnames", "true"),
                _ => {}
            }
        }
        _ => option("sslmode", mode.code()),
    }
}

/// Takes off what addresses are wrapped in: blanks, quotes, `DATABASE_URL=`, `export`, `psql`.
fn undress(text: &str) -> &str {
    let mut text = text.trim();
    for word in ["export ", "psql ", "mysql ", "mongosh ", "mongo "] {
        text = text.strip_prefix(word).unwrap_or(text).trim_start();
    }
    if let Some((name, rest)) = text.split_once('=')
        && rest.trim_start_matches(['"', '\'', ' ']).contains("://")
        && !name.contains("://")
        && name.trim_end().bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    {
        text = rest.trim();
    }
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return inner.trim();
        }
    }
    text
}

fn is_scheme(scheme: &str) -> bool {
    // JDBC names what it does with several hosts behind a colon: `jdbc:mysql:loadbalance`.
    let (scheme, allowed) = scheme.strip_prefix("jdbc:").map_or((scheme, &b"+-."[..]), |rest| (rest, b"+-.:"));
    scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || allowed.contains(&byte))
}

fn provider(scheme: &str) -> Result<Provider, UrlError> {
    let scheme = scheme.to_ascii_lowercase();
    let scheme = scheme.strip_prefix("jdbc:").unwrap_or(&scheme);
    // SQLAlchemy names its driver behind a plus: `postgresql+psycopg2`.
    match scheme.split(['+', ':']).next().unwrap_or(scheme) {
        // Ecto's own scheme says nothing of the database; its default is PostgreSQL.
        "postgres" | "postgresql" | "postgis" | "pgsql" | "ecto" | "cockroachdb" | "timescaledb" => {
            Ok(Provider::PostgreSql)
        }
        "mysql" | "mysqlx" | "mysql2" | "mariadb" => Ok(Provider::MySql),
        "mongodb" => Ok(Provider::MongoDb),
        _ => Err(UrlError::OtherScheme),
    }
}

/// What follows `scheme://`.
fn address(provider: Provider, rest: &str) -> Result<Map<String, Value>, UrlError> {
    let (userinfo, rest) = split_userinfo(rest);
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(authority_end);
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // As some write JDBC's: `/shop;user=app;password=…`.
    let (path, behind) = path.split_once(';').filter(|(_, rest)| rest.contains('=')).unwrap_or((path, ""));

    let mut fields = Map::new();
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            fields.insert(name.to_owned(), Value::String(value));
        }
    };
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        put("username", decode(user));
        put("password", decode(password));
    }
    // MongoDB's hosts come as a list, each with its port, and are read as one.
    let (host, port) = if provider == Provider::MongoDb { (authority, None) } else { split_port(authority) };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) && !host.contains(',') {
        return Err(UrlError::Port);
    }
    put("host", decode(host));
    put("port", port.unwrap_or_default().to_owned());
    put("database", decode(path.strip_prefix('/').unwrap_or(path)));
    for pair in behind.split(';').chain(query.split('&')).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        // To MongoDB's drivers both words mean a verified certificate.
        let name = if provider == Provider::MongoDb && name.eq_ignore_ascii_case("ssl") { "tls" } else { &name };
        put(&canonical(name), decode(value));
    }
    Ok(fields)
}

/// The query may repeat what stands before it; JDBC puts user and password there. One name for each, so
/// that the later one wins.
fn canonical(name: &str) -> String {
    match name {
        "user" => "username",
        "dbname" => "database",
        other => other,
    }
    .to_owned()
}

/// User and password, and what follows their `@`.
fn split_userinfo(rest: &str) -> (Option<&str>, &str) {
    if is_strict(rest) {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        return match rest[..end].rfind('@') {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
    }
    match rest.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    }
}

/// Whether reading by the rules leaves nothing over: no `@` behind the first of `/ ? #`, except in the value
/// of a query key where one may be expected.
fn is_strict(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    if !behind.contains('@') {
        return true;
    }
    let host = authority.rfind('@').map_or(authority, |at| &authority[at + 1..]);
    let (host, port) = split_port(host);
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return false;
    }
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    !path.contains(['@', '#'])
        && query.split('&').all(|pair| match pair.split_once('=') {
            Some((name, _)) => {
                !pair.contains('@') || matches!(name, "user" | "username" | "password" | "application_name")
            }
            None => !pair.contains('@'),
        })
}

/// Host and port; an IPv6 address stands in brackets, or has more than one colon and no port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_bracket..].rfind(':') {
        Some(_) if after_bracket == 0 && authority.matches(':').count() > 1 && !authority.contains(',') => {
            (authority, None)
        }
        Some(at) => {
            let (host, port) = authority.split_at(after_bracket + at);
            (host, Some(&port[1..]).filter(|port| !port.is_empty()))
        }
        None => (authority, None),
    }
}

/// Percent-decodes. A `%` that starts no escape stands for itself, and a text whose escapes are no UTF-8
/// was not encoded at all and is kept as it is.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        match (byte, ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// User, password, host, port, database of what was read.
    fn parts(text: &str) -> (String, String, String, u16, String) {
        let (_, settings) = parse_url(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        (
            settings.username.unwrap_or_default(),
            settings.password.map(|password| password.reveal().to_owned()).unwrap_or_default(),
            settings.host,
            settings.port,
            settings.database.unwrap_or_default(),
        )
    }

    fn is(text: &str, expected: (&str, &str, &str, u16, &str)) {
        let found = parts(text);
        let found = (found.0.as_str(), found.1.as_str(), found.2.as_str(), found.3, found.4.as_str());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn addresses_as_they_should_be() {
        is("postgres://app:secret@db.example.com:5433/shop", ("app", "secret", "db.example.com", 5433, "shop"));
        is("postgresql://db.example.com", ("", "", "db.example.com", 5432, ""));
        is("mysql://root@[::1]/", ("root", "", "::1", 3306, ""));
        is("mariadb://a:b@[2001:db8::1]:3307/c", ("a", "b", "2001:db8::1", 3307, "c"));
        is("postgres://u:p%40%23%3F%25%2F%3A@h/d%2Fe", ("u", "p@#?%/:", "h", 5432, "d/e"));
        is("POSTGRES://u:p@H/d", ("u", "p", "H", 5432, "d"));
        is("postgres://u:@h:/d", ("u", "", "h", 5432, "d"));
        is("postgres://u@2001:db8::1/d", ("u", "", "2001:db8::1", 5432, "d"));
    }

    #[test]
    fn passwords_that_were_never_encoded() {
        for password in [
            "p@ss",
            "p#ss",
            "p?ss",
            "p%ss",
            "p/ss",
            "p:ss",
            "p\\ss",
            "p'ss",
            "p\"ss",
            "p ss",
            "pä€𝄞",
            "%zz%",
            "a/b?c#d@e",
            "?ss=1",
            "a&b=c",
            "100%",
            "p@ss/w?r#d:%",
            "%ff",
        ] {
            let text = format!("postgres://app:{password}@db.example.com:5432/shop?sslmode=require");
            is(&text, ("app", password, "db.example.com", 5432, "shop"));
        }
    }

    #[test]
    fn an_at_sign_in_the_query_stays_there() {
        is("jdbc:postgresql://h:5432/d?user=a@tenant&password=p@ss", ("a@tenant", "p@ss", "h", 5432, "d"));
        is("mysql://u:p@h/d?user=x@y", ("x@y", "p", "h", 3306, "d"));
    }

    #[test]
    fn wrappings_come_off() {
        for text in [
            " postgres://u:p@h/d\n",
            "\"postgres://u:p@h/d\"",
            "DATABASE_URL=postgres://u:p@h/d",
            "export DATABASE_URL='postgres://u:p@h/d'",
            "psql \"postgres://u:p@h/d\"",
            "postgresql+psycopg2://u:p@h/d",
            "jdbc:postgresql://u:p@h/d",
        ] {
            is(text, ("u", "p", "h", 5432, "d"));
        }
    }

    #[test]
    fn key_value_pairs() {
        is("host=h port=5433 user=u password=p dbname=d", ("u", "p", "h", 5433, "d"));
        is("host = h user= u password = 'a b\\'c\\\\d' dbname=''", ("u", "a b'c\\d", "h", 5432, ""));
        is("host=::1 password=a\\ b", ("", "a b", "::1", 5432, ""));
        is("hostaddr=10.0.0.5 user=u", ("u", "", "10.0.0.5", 5432, ""));
        assert_eq!(read("host=h hostaddr=10.0.0.5 user=u"), Err(UrlError::TwoHosts));
    }

    #[test]
    fn pairs_with_semicolons_as_net_and_odbc_have_them() {
        is("Host=h;Port=5433;Username=u;Password=p;Database=d", ("u", "p", "h", 5433, "d"));
        is("Host=h; User Id = u ; Password=\"p;\"\"w\"; Initial Catalog=d;", ("u", "p;\"w", "h", 5432, "d"));
        is("Server=h;Port=3306;Database=d;Uid=u;Pwd=p=w;SslMode=Required;", ("u", "p=w", "h", 3306, "d"));
        is("Driver={MySQL ODBC 8.0 Unicode Driver};Server=h;UID=u;PWD={p;}}w};", ("u", "p;}w", "h", 3306, ""));
        is("Driver={PostgreSQL Unicode};Server=h;UID=u;PWD=p", ("u", "p", "h", 5432, ""));
        is("Host=h;Password=p", ("", "p", "h", 5432, ""));
        // libpq's, with a semicolon in the password.
        is("host=h password=a;b=c user=u", ("u", "a;b=c", "h", 5432, ""));
        let of = |chosen, text| parse_url_for(chosen, text).map(|(provider, settings)| (provider, settings.tls));
        let tls = Some(TlsMode::VerifyFull);
        assert_eq!(of(None, "Host=h;SSL Mode=VerifyFull"), Ok((Provider::PostgreSql, tls)));
        assert_eq!(of(Some(Provider::MySql), "Host=h;SSL Mode=VerifyFull"), Ok((Provider::MySql, tls)));
        assert_eq!(of(None, "Server=h;SslMode=None"), Ok((Provider::MySql, Some(TlsMode::Disable))));
        for text in ["Host=h;Password", "Host=h;Password=\"x", "Driver={x", "Port=1;User Id=u", "Host=h;b=c=d;e"] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_gos_driver_for_mysql_takes() {
        is("u:p@ss:w@tcp(h:3307)/d?parseTime=true", ("u", "p@ss:w", "h", 3307, "d"));
        is("u@tcp([2001:db8::1]:3306)/", ("u", "", "2001:db8::1", 3306, ""));
        is("tcp(h)/d", ("", "", "h", 3306, "d"));
        let tls = |mode: &str| {
            let (provider, settings) = parse_url(&format!("u:p@tcp(h)/d?tls={mode}")).expect("an address");
            assert_eq!(provider, Provider::MySql);
            settings.tls
        };
        assert_eq!(tls("true"), Some(TlsMode::VerifyFull));
        assert_eq!(tls("skip-verify"), Some(TlsMode::Require));
        assert_eq!(tls("preferred"), Some(TlsMode::Prefer));
        assert_eq!(tls("false"), Some(TlsMode::Disable));
        for text in ["u:p@unix(/tmp/mysql.sock)/d", "u:p@tcp(h:0)/d", "u:p@tcp(h)", "u:p@tcp(h/d"] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_dialect_hides_a_password_in_another_field() {
        for text in [
            "Host=h;Password=S3cret",
            "Server=h;Port=3306;Uid=u;Pwd=S3cret",
            "jdbc:postgresql://h/app;password=S3cret",
            "jdbc:mysql://h/app;user=app;password=S3cret",
            "postgres://app@h/app;password=S3cret",
            "app:S3cret@tcp(h:3306)/app",
            "ecto://app:S3cret@h/app",
            "jdbc:mysql:loadbalance://app:S3cret@h/app",
        ] {
            let (provider, settings) = parse_url(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(settings.password.as_ref().map(settings::Secret::reveal), Some("S3cret"), "{text}");
            let told = format!("{} {}", settings.endpoint(), preview(provider, &settings.public()));
            assert!(!told.contains("S3cret"), "{text}: {told}");
        }
        for text in ["jdbc:postgresql://h;password=S3cret", "Host=h;b password=S3cret user=u"] {
            let told = parse_url(text).map(|(_, settings)| settings.endpoint()).unwrap_or_default();
            assert!(!told.contains("S3cret"), "{text}: {told}");
        }
    }

    #[test]
    fn the_query_sets_tls_and_timeout() {
        let (_, settings) =
            parse_url("postgres://h/d?sslmode=verify-full&connect_timeout=10&pgbouncer=true").expect("an address");
        assert_eq!((settings.tls, settings.connect_timeout_ms), (Some(TlsMode::VerifyFull), Some(10_000)));
        let (_, settings) = parse_url("mysql://h/d?ssl={\"rejectUnauthorized\":true}").expect("an address");
        assert_eq!(settings.tls, Some(TlsMode::VerifyFull));
    }

    #[test]
    fn a_supabase_of_ones_own_may_have_any_name() {
        let of = |chosen, text| read_for(chosen, text).map(|(provider, _)| provider);
        assert_eq!(of(None, "http://127.0.0.1:54321"), Ok(Provider::Supabase));
        assert_eq!(of(None, "https://api.example.com"), Err(UrlError::OtherSite));
        assert_eq!(of(Some(Provider::Supabase), "https://api.example.com"), Ok(Provider::Supabase));
        assert_eq!(of(Some(Provider::PostgreSql), "https://api.example.com"), Err(UrlError::OtherSite));
        assert_eq!(of(Some(Provider::Supabase), "https://x.firebaseio.com"), Ok(Provider::Firebase));
    }

    #[test]
    fn what_is_no_address_says_what_would_be() {
        for text in [
            "",
            "hello",
            "postgres://",
            "postgres://u:p@/d",
            "postgres://u:p@h:99999/d",
            "postgres://u:p@h:0/d",
            "postgres://h:x/d",
            "https://example.com",
            "mongodb://h/d?authMechanism=PLAIN",
            "host='h",
            "host",
            "=x",
            "user=x",
            "postgres://h1:1,h2:2/d",
            "postgres:///d?host=/tmp",
            "postgres://h/d?sslmode=never",
            "postgres://h/d?sslrootcert=/ca.pem",
            "postgres://h/d?options=-c",
            "postgres://[::1/d",
            "redis://h",
            "host=h;x",
            "file:///etc/passwd",
        ] {
            let error = parse_url(text).expect_err(text);
            assert_eq!(error.field, "pasted");
        }
        assert!(parse_url(&"x".repeat(20_000)).is_err());
    }

    #[test]
    fn the_preview_hides_the_password() {
        let (provider, settings) =
            parse_url("mysql://us er:p@ss@[::1]/d?ssl-mode=VERIFY_IDENTITY").expect("an address");
        assert_eq!(preview(provider, &settings.public()), "mysql://us%20er:•••@[::1]:3306/d?ssl-mode=VERIFY_IDENTITY");
        assert_eq!(
            preview(Provider::PostgreSql, &PublicSettings { port: 5432, ..PublicSettings::default() }),
            "postgresql://…:5432/"
        );
    }

    fn encode(text: &str) -> String {
        let mut out = String::new();
        encode_into(&mut out, text);
        out
    }

    const HOSTS: &str =
        "[a-z][a-z0-9-]{0,20}(\\.[a-z0-9]{1,10}){0,3}|[1-9][0-9]?\\.0\\.0\\.1|::1|2001:db8::[1-9a-f]{1,4}";

    fn bracketed(host: &str) -> String {
        if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
    }

    proptest! {
        #[test]
        fn an_encoded_address_comes_back(
            user in "[^\\p{Cc}\\p{Cf}]{1,20}", password in "[^\\x00]{1,40}", host in HOSTS, port in 1u16.., database in "[^\\p{Cc}\\p{Cf}]{1,20}",
        ) {
            let text = format!("postgres://{}:{}@{}:{port}/{}", encode(&user), encode(&password), bracketed(&host), encode(&database));
            prop_assert_eq!(parts(&text), (user, password, host, port, database));
        }

        #[test]
        fn a_raw_password_comes_back(password in "[^\\x00%]{1,40}", host in HOSTS, port in 1u16..) {
            // An `@` may be part of a query that begins in the password; that case is decided for the query.
            prop_assume!(!password.contains('='));
            let text = format!("mysql://app:{password}@{}:{port}/shop", bracketed(&host));
            prop_assert_eq!(parts(&text), ("app".to_owned(), password, host, port, "shop".to_owned()));
        }

        #[test]
        fn quoted_pairs_come_back(password in "[^\\x00]{1,40}", host in HOSTS) {
            let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
            let text = format!("host={host} password='{quoted}' user=app");
            prop_assert_eq!(parts(&text), ("app".to_owned(), password, host, 5432, String::new()));
        }

        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,80}", scheme in "|postgres://|mysql://|host=") {
            let _ = parse_url(&format!("{scheme}{text}"));
        }
    }
}
