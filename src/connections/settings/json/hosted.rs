//! The values of the hosted services: addresses of projects, service accounts, keys.

use serde_json::{Map, Value};

use super::{
    super::{Secret, key, pem, special::without_scheme},
    values::{host, host_and_port, name, text},
};
use crate::connections::settings::is_private_host;

/// A service account is about 2,400 characters.
const LONGEST_SERVICE_ACCOUNT: usize = 65_536;
/// Keys are JWTs of a few hundred characters.
const LONGEST_KEY: usize = 8_192;
const LONGEST_ADDRESS: usize = 2_048;
/// Where Google makes tokens of service accounts (its client libraries' default, and the older one).
const TOKEN_URLS: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://accounts.google.com/o/oauth2/token",
];

/// A key that is sent in a header: one word of printable ASCII.
pub(super) fn api_key(value: &Value) -> Result<Secret, String> {
    let key = text(value)?.trim();
    if key.len() > LONGEST_KEY {
        return Err(format!("The key has more than {LONGEST_KEY} characters."));
    }
    if key.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("A key is one word without blanks or special characters. Copy it again.".to_owned());
    }
    Ok(Secret::new(key))
}

/// The identifier of a project or of one of its databases.
pub(super) fn identifier(value: &Value, what: &str) -> Result<String, String> {
    let id = name(value, what)?;
    let id = id.trim();
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:()".contains(&byte)) {
        return Err(format!("The {what} has letters, digits and dashes only."));
    }
    Ok(id.to_owned())
}

/// A service account and the project that it names: the object itself, its text, or that in Base64. Only what
/// is used of it is kept.
pub(super) fn service_account(value: &Value) -> Result<(Secret, Option<String>), String> {
    let object = match value {
        Value::Object(object) => object.clone(),
        value => parse(text(value)?)?,
    };
    let of = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match of("type") {
        Some("service_account") | None => {}
        Some("authorized_user" | "external_account" | "impersonated_service_account") => {
            return Err("This is a login of a person or of another cloud. Make a key of a service account in the Google Cloud console, and paste its JSON.".to_owned());
        }
        Some(_) => return Err(SHAPE.to_owned()),
    }
    let (Some(email), Some(key)) = (of("client_email"), of("private_key")) else {
        return Err(SHAPE.to_owned());
    };
    let key = pem::private_key(key).map_err(|error| format!("Its private_key is broken. {error}"))?;
    if of("token_uri").is_some_and(|url| !TOKEN_URLS.contains(&url)) {
        return Err("Its token_uri is not Google's, so the account would be shown to somebody else.".to_owned());
    }
    let mut kept = Map::new();
    kept.insert("type".to_owned(), Value::from("service_account"));
    kept.insert("client_email".to_owned(), Value::from(email));
    kept.insert("private_key".to_owned(), Value::from(key));
    for name in ["project_id", "private_key_id", "client_id", "token_uri"] {
        if let Some(text) = of(name) {
            kept.insert(name.to_owned(), Value::from(text));
        }
    }
    let project = of("project_id").map(str::to_owned);
    Ok((Secret::new(Value::Object(kept).to_string()), project))
}

/// The project and the e-mail address that a service account names, as far as `json` can be read.
#[must_use]
pub fn service_account_facts(json: &str) -> (Option<String>, Option<String>) {
    let object = parse(json).unwrap_or_default();
    let of = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    (of("project_id"), of("client_email"))
}

const SHAPE: &str =
    "This is no service account. Paste the whole JSON file of its key, with client_email and private_key in it.";

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let text = text.trim();
    if text.len() > LONGEST_SERVICE_ACCOUNT {
        return Err(format!("It is longer than {LONGEST_SERVICE_ACCOUNT} characters."));
    }
    let decoded;
    let json = if text.starts_with('{') {
        text
    } else {
        decoded = key::base64(text).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        &decoded
    };
    match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(object)) => Ok(object),
        // From an environment file, line breaks may stand in the key as they are.
        _ if json.starts_with('{') => match serde_json::from_str::<Value>(&escape_breaks(json)) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err("The JSON of the service account cannot be read. Paste the file whole.".to_owned()),
        },
        _ if text.contains('.') && !text.contains('\n') => {
            Err("File paths are not taken. Paste what is in the file.".to_owned())
        }
        _ => Err(SHAPE.to_owned()),
    }
}

/// Escapes the line breaks that stand inside strings.
fn escape_breaks(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut inside, mut escaped) = (false, false);
    for char in json.chars() {
        match char {
            '\n' if inside => out.push_str("\\n"),
            '\r' if inside => {}
            char => out.push(char),
        }
        inside ^= char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
    }
    out
}

/// The address of a Realtime Database: Google's, or a local emulator's.
pub(super) fn database_url(value: &Value) -> Result<String, String> {
    let address = address(text(value)?)?;
    let google = [".firebaseio.com", ".firebasedatabase.app"].iter().any(|end| address.host.ends_with(end));
    if google && address.scheme == "https" || !google && is_private_host(&address.host) {
        return Ok(address.text);
    }
    if google {
        return Err("The address of a Realtime Database begins with https://.".to_owned());
    }
    Err("The address of a Realtime Database ends in firebaseio.com or firebasedatabase.app.".to_owned())
}

/// `host:port` of an emulator, with or without a scheme.
pub(super) fn emulator_host(value: &Value) -> Result<String, String> {
    let text = text(value)?.trim();
    let text = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let (host, port) = host_and_port(text, 0)?;
    if port == 0 {
        return Err("Enter the emulator as host:port, like localhost:8080.".to_owned());
    }
    if !is_private_host(&host) {
        return Err("An emulator asks for no credentials, so only a private host is taken for one.".to_owned());
    }
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// The address of a Supabase project; its reference alone and its dashboard's address are understood too.
pub(super) fn project_url(value: &Value) -> Result<String, String> {
    let text = text(value)?.trim();
    if is_project_ref(text) {
        return Ok(project_url_of(text));
    }
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let address = address(&whole)?;
    if let Some(rest) = without_scheme(&address.text).strip_prefix("supabase.com/dashboard/project/") {
        let project = rest.split('/').next().unwrap_or_default();
        return if is_project_ref(project) { Ok(project_url_of(project)) } else { Err(PROJECT.to_owned()) };
    }
    // People copy the address of one of its APIs.
    let root = ["/rest/v1", "/auth/v1", "/graphql/v1"].iter().find_map(|path| address.text.strip_suffix(path));
    Ok(root.unwrap_or(&address.text).to_owned())
}

pub(super) const PROJECT: &str = "Enter the project's address, like https://abcdefghijklmnopqrst.supabase.co.";

/// References are twenty lower-case letters.
pub(super) fn is_project_ref(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

pub(super) fn project_url_of(reference: &str) -> String {
    format!("https://{reference}.supabase.co")
}

/// The project that a Postgres host or a pooler's user belongs to.
pub(super) fn project_of(host: &str, username: Option<&str>) -> Option<String> {
    let direct = host.strip_prefix("db.").and_then(|host| host.strip_suffix(".supabase.co"));
    let pooled = || username.filter(|_| host.ends_with(".pooler.supabase.com"))?.rsplit_once('.').map(|(_, of)| of);
    direct.or_else(pooled).filter(|reference| is_project_ref(reference)).map(project_url_of)
}

/// An http address that was looked at.
struct Address {
    scheme: String,
    host: String,
    /// Whole, without a slash at the end.
    text: String,
}

fn address(text: &str) -> Result<Address, String> {
    let text = text.trim().trim_end_matches('/');
    if text.len() > LONGEST_ADDRESS {
        return Err(format!("The address has more than {LONGEST_ADDRESS} characters."));
    }
    let (scheme, rest) = text.split_once("://").ok_or("Enter the whole address, with https://.")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "https" && scheme != "http" {
        return Err("Enter the address that begins with https://.".to_owned());
    }
    if rest.contains('@') {
        return Err("The address holds a user or a password. Enter it without them.".to_owned());
    }
    if rest.chars().any(|char| char.is_control() || char.is_whitespace() || char == '\\') {
        return Err("The address has blanks or control characters in it. Type it again.".to_owned());
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (name, _) = host_and_port(authority, 443)?;
    let name = host(&Value::from(name))?.to_ascii_lowercase();
    let path = path.trim_end_matches('/');
    Ok(Address { text: format!("{scheme}://{}{path}", authority.to_ascii_lowercase()), host: name, scheme })
}
