//! Reads lists of connections and stores them; looks for those without a provider.

use leptos::prelude::use_context;
use serde_json::{Map, Value};

use super::{LONGEST_LIST, MOST_ROWS, Orphan, Outcome, Report, RowReport, Start, guess_provider};
use crate::{
    auth::server::{Caller, Visit},
    connections::{
        self, NewConnection, Provider, UnknownProvider, is_hidden, labels::Labels, settings::Settings, url,
        validate_interval, validate_name, validate_slow_threshold,
    },
    error::{AppError, FieldError},
    health::quiet::QuietMode,
};

/// Where the report waits for a browser without JavaScript.
const KEY: &str = "import_report";

/// What the page begins with.
///
/// # Errors
///
/// [`AppError::Unavailable`] where our own database is away.
pub async fn start(caller: &Caller) -> Result<Start, AppError> {
    let orphans = connections::server::without_provider(caller)
        .await?
        .into_iter()
        .map(|(connection, settings)| Orphan {
            id: connection.id,
            endpoint: connection.settings.endpoint(),
            guess: guess_provider(&settings),
            name: connection.name,
        })
        .collect();
    let report = match Visit::current() {
        Ok(visit) => visit.session().remove(KEY).await.ok().flatten(),
        Err(_) => None,
    };
    Ok(Start { orphans, report })
}

/// Reads a list, and stores its good rows where that is asked for. Each row stands by itself: what is refused does
/// not hold up the others.
///
/// # Errors
///
/// [`AppError::Invalid`] for the field `list`, where it is no list at all.
pub async fn import(caller: &Caller, list: &str, store: bool) -> Result<Report, AppError> {
    let rows = read(list).map_err(|error| AppError::Invalid(vec![error]))?;
    let mut report = Report { rows: Vec::with_capacity(rows.len()), stored: store };
    for row in rows {
        let Row { place, name, provider, connection } = row;
        let mut told = RowReport { place, name, provider, endpoint: String::new(), outcome: Outcome::Ready };
        match connection {
            Ok(connection) => {
                told.endpoint = connection.settings.endpoint();
                if store {
                    told.outcome = match connections::server::create(caller, *connection).await {
                        Ok(id) => Outcome::Added(id),
                        Err(error @ (AppError::Unavailable(_) | AppError::Internal(_))) => return Err(error),
                        Err(error) => Outcome::Refused(error.to_string()),
                    };
                }
            }
            Err(errors) => told.outcome = Outcome::Refused(AppError::Invalid(errors).to_string()),
        }
        report.rows.push(told);
    }
    keep(&report).await;
    Ok(report)
}

/// Keeps the report where the answer will be a redirect back to the page.
async fn keep(report: &Report) {
    if use_context::<http::request::Parts>().is_none() {
        return;
    }
    let Ok(visit) = Visit::current() else { return };
    if visit.is_plain_form()
        && let Err(error) = visit.session().insert(KEY, report).await
    {
        tracing::warn!("the report of an import could not be kept: {error}");
    }
}

/// A row as far as it could be read.
struct Row {
    place: u32,
    name: String,
    provider: Option<Provider>,
    connection: Result<Box<NewConnection>, Vec<FieldError>>,
}

/// Reads a list: JSON where it begins like it, else CSV with a header.
fn read(list: &str) -> Result<Vec<Row>, FieldError> {
    let wrong = |message: String| FieldError::new("list", message);
    if list.len() > LONGEST_LIST {
        return Err(wrong(format!("The list has more than {} kB. Import it in parts.", LONGEST_LIST / 1024)));
    }
    let text = list.trim_start_matches('\u{feff}').trim();
    let objects = if text.starts_with(['[', '{']) { objects_of_json(text)? } else { objects_of_csv(text)? };
    if objects.is_empty() {
        return Err(wrong("There is no connection in it.".to_owned()));
    }
    if objects.len() > MOST_ROWS {
        return Err(wrong(format!("There are {} connections; at most {MOST_ROWS} fit.", objects.len())));
    }
    Ok(objects.into_iter().map(|(place, object)| row(place, object)).collect())
}

/// A row's place and its fields.
type Placed = (u32, Map<String, Value>);

fn objects_of_json(text: &str) -> Result<Vec<Placed>, FieldError> {
    let wrong = |message: &str| FieldError::new("list", message);
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // Its own words would repeat the text, in which there are passwords.
        FieldError::new("list", format!("The JSON cannot be read, near line {}.", error.line()))
    })?;
    let items = match value {
        Value::Array(items) => items,
        // As tools export it: `{"connections": […]}`.
        Value::Object(mut object) => match object.remove("connections") {
            Some(Value::Array(items)) => items,
            _ => return Err(wrong("A list of connections is expected: [{…}, …].")),
        },
        _ => return Err(wrong("A list of connections is expected: [{…}, …].")),
    };
    (1..)
        .zip(items)
        .map(|(place, item)| match item {
            Value::Object(object) => Ok((place, object)),
            Value::String(address) => Ok((place, Map::from_iter([("url".to_owned(), Value::String(address))]))),
            _ => Err(FieldError::new("list", format!("Item {place} is neither an object nor an address."))),
        })
        .collect()
}

fn objects_of_csv(text: &str) -> Result<Vec<Placed>, FieldError> {
    let first = text.lines().next().unwrap_or_default();
    // Spreadsheets of half the world write semicolons.
    let delimiter = if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let wrong = |error: &csv::Error| {
        let line = error.position().map(|position| format!(", near line {}", position.line())).unwrap_or_default();
        FieldError::new("list", format!("The CSV cannot be read{line}."))
    };
    let names: Vec<String> =
        reader.headers().map_err(|error| wrong(&error))?.iter().map(|name| name.trim().to_owned()).collect();
    let known = ["url", "connectionString", "uri", "host", "projectId"];
    if !names.iter().any(|name| known.iter().any(|known| name.eq_ignore_ascii_case(known))) {
        return Err(FieldError::new("list", "The first line has to name the columns; one of them is url or host."));
    }
    let mut objects = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(&error))?;
        let place = record.position().map_or(0, csv::Position::line);
        let fields = names.iter().zip(&record).filter(|(_, value)| !value.is_empty());
        let object = fields.map(|(name, value)| (column(name), Value::from(value))).collect::<Map<_, _>>();
        if !object.is_empty() {
            objects.push((u32::try_from(place).unwrap_or(u32::MAX), object));
        }
    }
    Ok(objects)
}

/// A column's name as the settings have it, where it is one of the usual, in whatever case.
fn column(name: &str) -> String {
    const NAMES: [&str; 17] = [
        "name",
        "provider",
        "url",
        "host",
        "port",
        "database",
        "username",
        "password",
        "tls",
        "environment",
        "tags",
        "intervalS",
        "slowThresholdMs",
        "connectTimeoutMs",
        "caCertificate",
        "projectId",
        "apiKey",
    ];
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name).to_owned()
}

/// Reads one row; what is not about the schedule is about the settings.
fn row(place: u32, mut object: Map<String, Value>) -> Row {
    // Other tools call the provider so; a service account says by it that it is one, and keeps it.
    let kind = object.get("type").and_then(Value::as_str);
    let names: &[&str] =
        if kind.is_some_and(|kind| named(kind).is_ok()) { &["provider", "type"] } else { &["provider"] };
    let mut take = |names: &[&str]| {
        let value = names.iter().find_map(|name| object.remove(*name))?;
        Some(match value {
            Value::String(text) => text,
            // `"tags": ["a", "b"]`.
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(",")
            }
            Value::Null => String::new(),
            other => other.to_string(),
        })
    };
    let name = take(&["name", "connection_name", "connectionName", "title"]).unwrap_or_default();
    let provider = take(names).unwrap_or_default();
    let interval = take(&["intervalS", "interval"]).unwrap_or_default();
    let threshold = take(&["slowThresholdMs"]).unwrap_or_default();
    let environment = take(&["environment", "env"]).unwrap_or_default();
    let tags = take(&["tags"]).unwrap_or_default();
    let quiet = take(&["quietMode"]).unwrap_or_default();
    let settings = match object.remove("credentials").or_else(|| object.remove("settings")) {
        Some(nested) => nested,
        None => Value::Object(object),
    };
    let mut errors = Vec::new();
    let provider = match provider.trim() {
        "" => address_provider(&settings).or_else(|| Some(guess_provider(&settings))),
        name => named(name).map_err(|error| errors.push(FieldError::new("provider", error.to_string()))).ok(),
    };
    let settings = provider
        .and_then(|provider| Settings::from_json(provider, &settings).map_err(|wrong| errors.extend(wrong)).ok());
    let mut keep = |error: FieldError| errors.push(error);
    let name = match (&settings, name.trim()) {
        (Some(settings), "") => settings.endpoint(),
        (_, name) => name.to_owned(),
    };
    let read = validate_name(&name).map_err(&mut keep).ok();
    let interval_s = validate_interval(&interval).map_err(&mut keep).unwrap_or_default();
    let slow_threshold_ms = validate_slow_threshold(&threshold).map_err(&mut keep).unwrap_or_default();
    let labels = Labels::read(&environment, &tags).map_err(&mut keep).unwrap_or_default();
    let quiet_mode = QuietMode::read(&quiet).and_then(|mode| match provider {
        Some(provider) => mode.check(provider).map(|()| mode),
        None => Ok(mode),
    });
    let quiet_mode = quiet_mode.map_err(&mut keep).unwrap_or_default();
    let connection = match (provider, settings, read) {
        (Some(provider), Some(settings), Some(name)) if errors.is_empty() => {
            Ok(Box::new(NewConnection { provider, name, interval_s, slow_threshold_ms, quiet_mode, labels, settings }))
        }
        _ => Err(errors),
    };
    Row { place, name: name.chars().filter(|char| !is_hidden(*char)).take(80).collect(), provider, connection }
}

/// The provider that goes by this name.
fn named(name: &str) -> Result<Provider, UnknownProvider> {
    match name.trim().to_lowercase().as_str() {
        "postgres" | "pg" => Ok(Provider::PostgreSql),
        "mariadb" => Ok(Provider::MySql),
        "mongo" => Ok(Provider::MongoDb),
        code => code.parse(),
    }
}

/// The provider that an address names.
fn address_provider(settings: &Value) -> Option<Provider> {
    let address = ["url", "connectionString", "uri"].iter().find_map(|name| settings.get(*name)?.as_str())?;
    url::read(address).ok().map(|(provider, _)| provider)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Place, name, provider, and the endpoint or the wrong fields.
    type Told = (u32, String, Option<Provider>, Result<String, Vec<String>>);

    fn outcome(list: &str) -> Vec<Told> {
        let rows = read(list).expect("a list");
        rows.into_iter()
            .map(|row| {
                let connection = row.connection.map(|new| new.settings.endpoint());
                let fields = connection.map_err(|errors| {
                    let mut fields: Vec<String> = errors.into_iter().map(|error| error.field).collect();
                    fields.sort();
                    fields
                });
                (row.place, row.name, row.provider, fields)
            })
            .collect()
    }

    #[test]
    fn a_csv_is_read_by_its_header() {
        let csv = "\u{feff}Name,provider,host,PORT,user,password,tags\n\
                   Shop,postgres,db.example.com,5433,app,\"p,\"\"@ss\",\"a,b\"\n\
                   \n\
                   ,mysql,10.0.0.5,,root,,\n\
                   Bad,oracle,h,,,,\n\
                   Worse,pg,a b,99999,,,\n";
        let rows = outcome(csv);
        assert_eq!(rows[0], (2, "Shop".to_owned(), Some(Provider::PostgreSql), Ok("db.example.com:5433".to_owned())));
        assert_eq!(rows[1].1, "10.0.0.5:3306");
        assert_eq!((rows[2].0, rows[2].3.clone()), (5, Err(vec!["provider".to_owned()])));
        assert_eq!(rows[3].3, Err(vec!["host".to_owned(), "port".to_owned()]));
        let first = read(csv).expect("a list").remove(0).connection.expect("a connection");
        assert_eq!(first.settings.password.expect("a password").reveal(), "p,\"@ss");
        assert_eq!(first.labels.tags, ["a", "b"]);
    }

    #[test]
    fn semicolons_and_addresses_are_taken() {
        let rows = outcome("name;url\nA;mysql://u:p@h/d\nB;postgres://u@h:5433/d\n");
        assert_eq!((rows[0].2, rows[1].2), (Some(Provider::MySql), Some(Provider::PostgreSql)));
        assert_eq!(rows[1].3, Ok("h:5433/d".to_owned()));
    }

    #[test]
    fn json_comes_in_three_shapes() {
        for json in [
            r#"[{"name": "A", "provider": "postgresql", "credentials": {"host": "h"}, "tags": ["x"]}]"#,
            r#"{"connections": [{"name": "A", "host": "h", "interval": 60}]}"#,
            r#"["postgres://u:p@h:5432"]"#,
        ] {
            let rows = outcome(json);
            assert_eq!((rows.len(), rows[0].3.clone()), (1, Ok("h:5432".to_owned())), "{json}");
        }
    }

    #[test]
    fn a_quiet_mode_that_cannot_be_is_refused() {
        for (provider, refused) in [("mysql", Err(vec!["quietMode".to_owned()])), ("mongodb", Ok("h:27017".to_owned()))]
        {
            let list = serde_json::json!([{"provider": provider, "host": "h", "quietMode": "on"}]).to_string();
            assert_eq!(outcome(&list)[0].3, refused, "{provider}");
        }
    }

    #[test]
    fn a_service_account_is_a_row_as_it_is() {
        let key = include_str!("../tests/support/service_account_key.pem");
        let account = serde_json::json!({
            "type": "service_account", "project_id": "shop-1", "private_key": key,
            "client_email": "mooring@shop-1.iam.gserviceaccount.com",
        });
        for (row, provider) in [
            (account.clone(), Provider::Firebase),
            (serde_json::json!({"name": "Shop", "credentials": account}), Provider::Firebase),
            (serde_json::json!({"type": "mariadb", "host": "h"}), Provider::MySql),
            (serde_json::json!({"type": "Postgres", "host": "h"}), Provider::PostgreSql),
            (serde_json::json!({"type": "primary", "host": "mysql.internal"}), Provider::MySql),
        ] {
            let list = serde_json::json!([row]).to_string();
            let read = read(&list).expect("a list").remove(0);
            assert_eq!(read.provider, Some(provider), "{row}");
            assert!(read.connection.is_ok(), "{row}: {:?}", read.connection.err());
        }
    }

    #[test]
    fn what_is_no_list_is_refused_without_repeating_it() {
        let many = format!("host\n{}", "h\n".repeat(1_001));
        for text in [
            "",
            "hunter2",
            "[1]",
            "{\"a\": \"hunter2\"}",
            "[{\"host\": \"hunter2\"",
            "a,b\n1,2",
            &many,
            &"x".repeat(600_000),
        ] {
            let Err(error) = read(text) else { panic!("{} is a list", &text[..text.len().min(40)]) };
            assert_eq!(error.field, "list");
            assert!(!error.message.contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,200}", rows in "([a-z\",;\n\\[\\]{}: ]|host|url){0,120}") {
            let _ = read(&text);
            let _ = read(&rows);
        }
    }
}
