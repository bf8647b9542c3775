//! `[section]` with `key = value` lines: libpq's `pg_service.conf`, the option files of MySQL and MariaDB.
//! Sources: PostgreSQL's manual, 32.17 "The Connection Service File"; MySQL's manual, 6.2.2.2 "Using Option
//! Files".

use serde_json::Map;

use super::{FIRST_OF_SEVERAL, Found, Provider, lines, put};

pub(super) fn read(text: &str) -> Option<Found> {
    let mut sections: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    for line in lines(text, &['#', ';', '!']) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push((name.trim(), Vec::new()));
        } else {
            // What stands before the first section belongs to none: this is another kind of file.
            let (_, pairs) = sections.last_mut()?;
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            pairs.push((key.trim(), value.trim()));
        }
    }
    let is_mysql =
        |name: &str| ["client", "mysql", "mariadb"].iter().any(|start| name.to_ascii_lowercase().starts_with(start));
    let mysql = sections.iter().any(|(name, _)| is_mysql(name));
    // The groups of one program together make its options; each service is a connection of its own.
    let mut chosen = sections.iter().filter(|(name, pairs)| {
        let serves = !name.eq_ignore_ascii_case("mysqld") && !name.eq_ignore_ascii_case("mariadbd");
        !pairs.is_empty() && serves && (!mysql || is_mysql(name))
    });
    let (provider, pairs, several) = if mysql {
        (Provider::MySql, chosen.flat_map(|(_, pairs)| pairs.iter().copied()).collect::<Vec<_>>(), false)
    } else {
        (Provider::PostgreSql, chosen.next()?.1.clone(), chosen.next().is_some())
    };
    let mut found = Found { provider, fields: Map::new(), note: several.then_some(FIRST_OF_SEVERAL) };
    for (key, value) in pairs {
        let value = if mysql { unquoted(value) } else { value.to_owned() };
        put(&mut found, if key == "connect-timeout" { "connect_timeout" } else { key }, &value);
    }
    (!found.fields.is_empty()).then_some(found)
}

/// A value of an option file: quotes come off, and what stands behind a `#` outside of them.
fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inner.0.to_owned();
        }
    }
    value.split(" #").next().unwrap_or_default().trim().replace("\\s", " ").replace("\\\\", "\\")
}
