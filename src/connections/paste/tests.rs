use proptest::prelude::*;

use super::*;
use crate::connections::settings::{Secret, Special, TlsMode};

fn taken(text: &str) -> Pasted {
    read(None, text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Provider, endpoint, user and password of what was read.
fn is(text: &str, provider: Provider, endpoint: &str, user: &str, password: &str) {
    let Pasted { provider: found, settings, .. } = taken(text);
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    assert_eq!(found, provider, "{text}");
    assert_eq!(settings.endpoint(), endpoint, "{text}");
    assert_eq!(settings.username, some(user), "{text}");
    assert_eq!(settings.password, some(password).map(Secret::new), "{text}");
}

#[test]
fn addresses_are_read_as_before() {
    is("postgres://app:p@ss@h:5433/d", Provider::PostgreSql, "h:5433/d", "app", "p@ss");
    is("DATABASE_URL=mysql://app:x@h/d", Provider::MySql, "h:3306/d", "app", "x");
    is("mongodb+srv://app:x@c.abc.mongodb.net/d", Provider::MongoDb, "c.abc.mongodb.net/d", "app", "x");
    is("host=h user=app password='a b'", Provider::PostgreSql, "h:5432", "app", "a b");
}

#[test]
fn environment_files() {
    is(
        "# local\nexport PGHOST=db.example.com\nPGPORT=5433 # tunnel\nPGUSER='app'\nPGPASSWORD=\"p\\\"a#s\"\nPGDATABASE=shop\nPGSSLMODE=require\nNODE_ENV=test",
        Provider::PostgreSql,
        "db.example.com:5433/shop",
        "app",
        "p\"a#s",
    );
    is(
        "MYSQL_HOST=h\r\nMYSQL_USER=app\r\nMYSQL_PASSWORD=x=y\r\nMYSQL_DATABASE=d\r\nMYSQL_ROOT_PASSWORD=r\r\n",
        Provider::MySql,
        "h:3306/d",
        "app",
        "x=y",
    );
    is(
        "DB_CONNECTION=mysql\nDB_HOST=h\nDB_DATABASE=d\nDB_USERNAME=u\nDB_PASSWORD=p",
        Provider::MySql,
        "h:3306/d",
        "u",
        "p",
    );
    is("DB_HOST=h\nDB_NAME=d\nDB_USER=u\nDB_PASS=p", Provider::PostgreSql, "h:5432/d", "u", "p");
    is("REDIS_URL=redis://r\nDATABASE_URL=\"postgres://u:p@h/d\"", Provider::PostgreSql, "h:5432/d", "u", "p");
    is("MONGODB_URI=mongodb://u:p@a,b/d\nX=1", Provider::MongoDb, "a:27017,b:27017/d", "u", "p");
    assert_eq!(taken("PGHOST=h\nPGSSLMODE=verify-full").settings.tls, Some(TlsMode::VerifyFull));
    assert_eq!(taken("PGHOST=h\nPGSSLROOTCERT=/etc/ca.pem").note, Some(FILES_LEFT_OUT));
    let chosen = read(Some(Provider::MySql), "DB_HOST=h\nDB_USER=u").expect("variables");
    assert_eq!(chosen.provider, Provider::MySql);
}

#[test]
fn environment_files_of_hosted_services() {
    let text = "NEXT_PUBLIC_SUPABASE_URL=https://abcdefghijklmnopqrst.supabase.co\nNEXT_PUBLIC_SUPABASE_ANON_KEY=sb_publishable_1\nSUPABASE_SERVICE_ROLE_KEY=sb_secret_2\nDATABASE_URL=postgres://postgres:x@db.abcdefghijklmnopqrst.supabase.co:5432/postgres";
    let Pasted { settings, .. } = taken(text);
    let Special::Supabase(supabase) = &settings.special else { panic!("{settings:?}") };
    assert_eq!(supabase.url, "https://abcdefghijklmnopqrst.supabase.co");
    assert_eq!(supabase.anon_key, Some(Secret::new("sb_publishable_1")));
    assert_eq!(supabase.service_role_key, Some(Secret::new("sb_secret_2")));
    assert_eq!((settings.host.as_str(), settings.port), ("db.abcdefghijklmnopqrst.supabase.co", 5432));

    let text = "FIREBASE_PROJECT_ID=shop-1\nFIREBASE_CLIENT_EMAIL=a@b.example\nFIREBASE_PRIVATE_KEY=\"-----BEGIN PRIVATE KEY-----\\nMIIB\\n-----END PRIVATE KEY-----\\n\"";
    let open = text.replace("\\n", "\n");
    for text in [text, &open] {
        let Pasted { settings, .. } = taken(text);
        let Special::Firebase(firebase) = &settings.special else { panic!("{settings:?}") };
        assert_eq!(firebase.project_id.as_deref(), Some("shop-1"));
        assert!(firebase.service_account.is_some(), "{text}");
    }
}

#[test]
fn password_files() {
    is(
        "# mine\ndb.example.com:5433:shop:app:p:a\\\\s\\:s",
        Provider::PostgreSql,
        "db.example.com:5433/shop",
        "app",
        "p:a\\s:s",
    );
    is("*:*:*:any:x\nh:*:*:app:y", Provider::PostgreSql, "h:5432", "app", "y");
    assert_eq!(taken("h:1:d:u:p\ni:2:d:u:p").note, Some(FIRST_OF_SEVERAL));
    assert!(read(None, "*:*:*:app:x").is_err(), "it names no host");
}

#[test]
fn service_and_option_files() {
    is(
        "[shop]\nhost=db.example.com\nport=5433\ndbname=shop\nuser=app\npassword=a b'c\nsslrootcert=/etc/ca.pem\n\n[other]\nhost=h\n",
        Provider::PostgreSql,
        "db.example.com:5433/shop",
        "app",
        "a b'c",
    );
    is(
        "[mysqld]\nport=1\n[client]\nhost = h\nuser=\"app\"\npassword='p#1 x' # mine\nssl-mode=VERIFY_IDENTITY\nssl-ca=/ca.pem\n[mysql]\ndatabase=d\nskip-auto-rehash",
        Provider::MySql,
        "h:3306/d",
        "app",
        "p#1 x",
    );
}

#[test]
fn firebase_as_the_console_shows_it() {
    let script = "import { initializeApp } from \"firebase/app\";\nconst firebaseConfig = {\n  apiKey: \"AIza1\",\n  authDomain: 'x',\n  databaseURL: \"https://shop-1.firebaseio.com\",\n  projectId: \"shop-1\",\n};\nconst app = initializeApp(firebaseConfig);";
    let json = "{\"apiKey\": \"AIza1\", \"projectId\": \"shop-1\", \"databaseURL\": \"https://shop-1.firebaseio.com\"}";
    for text in [script, json] {
        let Pasted { settings, .. } = taken(text);
        let Special::Firebase(firebase) = &settings.special else { panic!("{settings:?}") };
        assert_eq!(firebase.project_id.as_deref(), Some("shop-1"));
        assert_eq!(firebase.database_url.as_deref(), Some("https://shop-1.firebaseio.com"));
        assert_eq!(firebase.api_key, Some(Secret::new("AIza1")));
    }
    let account = "{\"type\": \"service_account\", \"project_id\": \"shop-1\", \"client_email\": \"a@b\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIB\\n-----END PRIVATE KEY-----\\n\"}";
    assert_eq!(taken(account).settings.endpoint(), "shop-1");
    assert!(read(None, &account.replace("MIIB", "<>")).is_err());
}

#[test]
fn what_is_none_of_these_is_refused_without_repeating_it() {
    for text in [
        "",
        "hunter2",
        "{\"password\": \"hunter2\"}",
        "[client]\npassword=hunter2",
        "PASSWORD=hunter2",
        "PGPASSWORD=hunter2",
        "A=\"hunter2",
        "[hunter2",
        "\u{202e}hunter2\u{7}",
        &"hunter2".repeat(150_000),
    ] {
        let error = read(None, text).expect_err("nothing of use");
        assert_eq!(error.field, "pasted");
        assert!(!error.message.contains("hunter2"), "{}", error.message);
    }
}

/// A value as each kind of file writes it.
fn in_double_quotes(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n"))
}

proptest! {
    #[test]
    fn any_password_comes_back(password in "[^\\x00]{1,40}") {
        let env = format!("PGHOST=h\nPGPASSWORD={}\nPGUSER=u\n", in_double_quotes(&password));
        prop_assert_eq!(taken(&env).settings.password, Some(Secret::new(password.clone())));
    }

    /// Where there are no quotes, lines end and blanks at their ends are dropped.
    #[test]
    fn any_password_on_a_line_comes_back(password in "[^\\p{Cc}\\p{Z}]{1,40}") {
        let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
        prop_assert_eq!(taken(&format!("h:1:d:u:{escaped}")).settings.password, Some(Secret::new(password.clone())));
        let service = format!("[x]\nhost=h\npassword={password}\n");
        prop_assert_eq!(taken(&service).settings.password, Some(Secret::new(password)));
    }

    #[test]
    fn nothing_makes_it_panic(text in "(\\PC|[\n\r\t=:\"'{}\\[\\]#\\\\]){0,120}") {
        let _ = read(None, &text);
    }
}
