//! `host:port:database:user:password` lines. Source: PostgreSQL's manual, 32.16 "The Password File": `\:` and
//! `\\` stand for themselves, an asterisk for anything.

use serde_json::Map;

use super::{FIRST_OF_SEVERAL, Found, Provider, lines, put};

pub(super) fn read(text: &str) -> Option<Found> {
    let mut entries = Vec::new();
    for line in lines(text, &['#']) {
        entries.push(entry(line)?);
    }
    let note = (entries.len() > 1).then_some(FIRST_OF_SEVERAL);
    // One that names a host says more than one for every host.
    let at = entries.iter().position(|entry| entry.first().is_some_and(|host| host != "*")).unwrap_or(0);
    let entry = (at < entries.len()).then(|| entries.swap_remove(at))?;
    let mut found = Found { provider: Provider::PostgreSql, fields: Map::new(), note };
    for (name, value) in ["host", "port", "database", "username", "password"].into_iter().zip(&entry) {
        if value != "*" || name == "password" {
            put(&mut found, name, value);
        }
    }
    Some(found)
}

/// The five fields of a line, where it has them and the second is a port.
fn entry(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => fields.last_mut()?.push(chars.next()?),
            // The password is the rest of the line.
            ':' if fields.len() < 5 => fields.push(String::new()),
            char => fields.last_mut()?.push(char),
        }
    }
    let is_port = fields.get(1).is_some_and(|port| port == "*" || port.parse::<u16>().is_ok());
    (fields.len() == 5 && is_port).then_some(fields)
}
