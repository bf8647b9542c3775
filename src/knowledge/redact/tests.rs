use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn redact(text: &str) -> String {
    Redactor::new().redact(text)
}

#[test]
fn every_rule_can_be_read() {
    assert!(RULES.as_ref().is_ok_and(|rules| rules.len() > 30), "{:?}", RULES.as_ref().err());
}

#[test]
fn what_servers_and_people_say_loses_what_identifies_them() {
    let cases = [
        (
            r#"FATAL: password authentication failed for user "alice""#,
            r#"FATAL: password authentication failed for user "<user>""#,
        ),
        (
            "Access denied for user 'shop'@'10.1.2.3' (using password: YES)",
            "Access denied for user <user>@<host> (using password: YES)",
        ),
        (
            "postgres://alice:s3cr:t@pw@db.acme.example:6543/payroll?sslmode=require&options=x",
            "postgres://<user>:<password>@<host>:<port>/<database>?sslmode=require",
        ),
        ("mongodb+srv://u:p@cluster0.abc12.mongodb.net/", "mongodb+srv://<user>:<password>@<host>"),
        ("the password is hunter2", "the password is <password>"),
        ("pw: x", "pw: <password>"),
        ("The password was wrong", "The password was wrong"),
        ("changed the password to swordfish, swordfish works", "changed the password to <password>, <password> works"),
        ("try psql --password swordfish", "try psql --password <password>"),
        ("alter user a identified by 'x y'", "alter user a identified by '<password>'"),
        ("DB_PASSWORD=abc then abc", "DB_PASSWORD=<password> then <password>"),
        (r#"{"password":"ab\"c","host":"db7"}"#, r#"{"password":"<password>"c","host":"<host>"}"#),
        ("connect ECONNREFUSED 10.0.0.7:5432", "connect ECONNREFUSED <address>:<port>"),
        ("connect to ::ffff:10.0.0.7 or [2001:db8::7]:5432.", "connect to <address> or <address>:<port>."),
        ("fe80::1%eth0 is link-local", "<address> is link-local"),
        ("getaddrinfo ENOTFOUND orders-db", "getaddrinfo ENOTFOUND <host>"),
        (r#"could not translate host name "db7" to address"#, r#"could not translate host name "<host>" to address"#),
        (
            r#"database "payroll" does not exist; create payroll"#,
            r#"database "<database>" does not exist; create <database>"#,
        ),
        ("write to ada@acme.example", "write to <email>"),
        ("see /etc/postgresql/15/main/pg_hba.conf", "see <path>"),
        (r"see C:\Users\ada\key.pem", "see <path>"),
        ("edit pg_hba.conf, then reload", "edit pg_hba.conf, then reload"),
        ("key sb_secret_abcDEF123 and AIzaSyA1234567890 and AKIAIOSFODNN7EXAMPLE", "key <key> and <key> and <key>"),
        ("mrg_abc123DEF and eyJhbGciOiJIUzI1NiJ9.e30.abc", "<key> and <token>"),
        ("Authorization: Bearer abc123def456", "Authorization: Bearer <token>"),
        ("user postgres.abcdefghijklmnopqrst is refused", "user <user> is refused"),
        ("projectId: acme-prod-1", "projectId: <project>"),
        ("listen on port 6543", "listen on port <port>"),
        ("error code:1045 at line:42", "error code:1045 at line:42"),
        ("java.net.ConnectException: Connection refused", "java.net.ConnectException: Connection refused"),
        ("id 6f1ed002-ab59-4b1e-9d9c-0a3c3c0ad6a1", "id <id>"),
        ("the server closed the connection unexpectedly", "the server closed the connection unexpectedly"),
        ("Set TLS to require and try again.", "Set TLS to require and try again."),
        ("remaining connection slots are reserved", "remaining connection slots are reserved"),
        ("password=p@ss:w/rd!#% and p@ss:w/rd!#%", "password=<password> and <password>"),
        ("the password is p@ss.example/x here", "the password is <password> here"),
        ("login as bob with s3cretpw", "login as <user> with <password>"),
        ("My passphrase was correct horse battery staple.", "My passphrase was <password>."),
        ("the passphrase was wrong, so we tried", "the passphrase was wrong, so we tried"),
        ("psql -h dbx -U alice shopdb", "psql -h <host> -U <user> <database>"),
        ("pg_dump --host=dbx --username alice -d shop", "pg_dump --host=<host> --username <user> -d <database>"),
        ("Das Passwort ist geheim123 auf dbserver7", "Das Passwort ist <password> auf dbserver7"),
        ("mot de passe: secret1", "mot de passe: <password>"),
        ("contraseña=hola123", "contraseña=<password>"),
        (
            "changed password from oldSecret1 to newSecret2, then newSecret2 worked",
            "changed password from <password> to <password>, then <password> worked",
        ),
        ("set user to app_rw and host to db7", "set user to <user> and host to <host>"),
        ("changed the server to read-only", "changed the server to read-only"),
        ("aws key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws key <key>"),
        ("host all alice 10.2.0.0/16 scram-sha-256", "host all <user> <address>/16 scram-sha-256"),
        ("hostssl shop all samenet trust", "hostssl <database> all samenet trust"),
        ("GRANT SELECT ON payroll.* TO 'bob'@'%'", "GRANT SELECT ON <database>.* TO <user>@<host>"),
        ("docker exec -it orders_db_1 psql", "docker exec -it <host> psql"),
        ("kubectl -n payments port-forward svc/orders-db", "kubectl -n <name> port-forward svc/<host>"),
        ("Data Source=tcp:sql01.acme.local,1433;", "Data Source=tcp:<host>,<port>;"),
        ("ALTER DATABASE acmeshop OWNER TO acmeuser", "ALTER DATABASE <database> OWNER TO <user>"),
        ("Changed the host from acmedbold to acmedbnew in config", "Changed the host from <host> to <host> in config"),
        ("changed the host from localhost to acmedb", "changed the host from localhost to <host>"),
        (
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA sales TO ada , bob;",
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA <database> TO <user> , <user>;",
        ),
        (
            "Grant the user the right to connect to the database.",
            "Grant the user the right to connect to the database.",
        ),
        ("set search_path to sales, public, \"hidden\";", "set search_path to <database>, public, \"<database>\";"),
        ("Create user accounts first, then create a database.", "Create user accounts first, then create a database."),
        ("grant select on public.pub to ada", "grant select on public.<name> to <user>"),
        ("Use TLS; restart the server.", "Use TLS; restart the server."),
        ("The owner can grant access to the table.", "The owner can grant access to the table."),
        (
            "Set the role to login and allow the user to connect.",
            "Set the role to login and allow the user to connect.",
        ),
        ("session id 9f8e7d6c5b4a", "session id <id>"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "<key>"),
    ];
    let wrong: Vec<String> = cases
        .into_iter()
        .filter(|(text, shown)| redact(text) != *shown)
        .map(|(text, shown)| format!("{text}\n  became {}\n  not    {shown}", redact(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_known_goes_from_every_text() {
    let mut redactor = Redactor::new();
    redactor.know(Kind::Host, "warehouse");
    redactor.know(Kind::Database, "postgres");
    redactor.know(Kind::User, "ada");
    redactor.read("the password is hunter2");
    assert_eq!(
        redactor.redact("WAREHOUSE_prod: ada saw hunter2 in postgres, adamant"),
        "<host>_prod: <user> saw <password> in postgres, adamant"
    );
}

#[test]
fn an_account_with_many_connections_keeps_no_name_and_no_secret() {
    let mut redactor = Redactor::new();
    for number in 0..600 {
        redactor.know(Kind::Host, &format!("node{number}x.acme.example"));
        redactor.know(Kind::Password, &format!("s3cret-{number}-word"));
    }
    assert_eq!(redactor.redact("it was s3cret-599-word on node598x.acme.example"), "it was <password> on <host>");
}

#[test]
fn a_text_that_names_very_much_loses_all_of_it_where_it_stands() {
    let named: Vec<String> = (0..400).map(|number| format!("password=hush{number}ling host=node{number}x")).collect();
    let shown = redact(&named.join(", "));
    assert!(!shown.contains("hush") && !shown.contains("node"), "{shown}");
}

#[test]
fn encoded_repetitions_go_too() {
    let mut redactor = Redactor::new();
    redactor.know(Kind::Password, "hunter2!x");
    let plain = BASE64_STANDARD.encode("app:hunter2!x");
    for text in [
        "hunter2%21x".to_owned(),
        "%68%75%6e%74%65%72%32%21%78".to_owned(),
        plain,
        BASE64_URL_SAFE_NO_PAD.encode("hunter2!x"),
        BASE64_STANDARD.encode("postgres://app:hunter2!x@db/x"),
    ] {
        let shown = redactor.redact(&format!("before {text} after"));
        assert!(!shown.contains(&text) && shown.starts_with("before <") && shown.ends_with("> after"), "{shown}");
    }
}

/// Words as people have them; never one that stands in every sentence.
fn name() -> impl Strategy<Value = String> {
    "[a-z]{3,8}[0-9][a-z0-9]{2,6}"
}

fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9!#$&*+~^_@:/%?-]{4,16}[0-9][A-Za-z]{2,6}"
}

fn sentence() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "it failed again",
        "we tried",
        "then",
        "(see below)",
        "\"quoted\"",
        "—",
        "and,",
        "why?",
        "über",
        "名前",
        "<host>",
        "=",
        "'",
        "%41",
        "::",
        "at",
        "/",
        "@",
    ])
    .prop_map(str::to_owned)
}

/// What is written of a fix, with two names. Those that begin with a small letter are statements.
const FIXES: &[&str] = &[
    "alter database {1} owner to {2}",
    "alter schema {1} owner to {2}",
    "create database {1} owner {2}",
    "create database if not exists {1} owner = {2}",
    "create role {1}; create user if not exists {2}",
    "drop user if exists {1}, drop role {2}",
    "drop database if exists {1}; use {2};",
    "grant {1} to {2}",
    "grant connect on database {1} to {2}",
    "grant usage on schema {1} to public, {2}",
    "grant select on all tables in schema {1} to postgres , {2} with grant option",
    "grant select, insert on table {1} to \"{2}\"",
    "grant all privileges on {1} to {2}",
    "grant select on {1}.orders to {2}",
    "revoke all on database {1} from {2}",
    "revoke {1} from public, {2}",
    "reassign owned by {1} to {2}",
    "drop owned by {1}; set role {2}",
    "set session authorization {1}; set local role {2}",
    "alter default privileges for role {1} grant select on tables to {2}",
    "alter user {1} rename to {2}",
    "alter database {1} rename to {2}",
    "rename user {1} to {2}",
    "set search_path to {1}, {2}",
    "alter role {1} set search_path = {2}, public",
    "show grants for {1}; drop user mapping for {2} server s",
    "Ran \\c {1} as user {2}",
    "Called createdb {1} and createuser {2}",
    "Called dropdb --if-exists {1} and dropuser -i {2}",
    "In mongosh, db.getSiblingDB('{1}') for user {2}",
    "Changed the host from {1} to {2}",
    "Changed the user name from {1} to {2} in the config",
    "Moved the database from {1} to {2}.",
    "Renamed the user from {1} -> {2}",
    "Host {1} -> {2}",
    "user: {1} → {2}",
    "Replaced the host {1} with {2}",
    "Replaced user {1} by {2}",
    "The host was from {1} to {2}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn planted_values_never_survive(
        host in name(), domain in name(), user in name(), database in name(), secret in secret(),
        address: u32, v6: u128, port in 1024_u16..,
        filler in proptest::collection::vec(sentence(), 6),
        shape in 0_usize..12,
    ) {
        let v4 = std::net::Ipv4Addr::from(address);
        let v6 = std::net::Ipv6Addr::from(v6 | 1 << 127 | 7);
        let mapped = format!("::ffff:{v4}");
        let full = format!("{host}.{domain}.example");
        let planted = match shape {
            0 => format!("postgres://{user}:{}@{full}:{port}/{database}", percent(&secret, true)),
            1 => format!("the password is {secret}"),
            2 => format!("pw: {secret}"),
            3 => format!("could not connect to server {full}:{port} as user \"{user}\" to database \"{database}\", password={secret}"),
            4 => format!("Access denied for user '{user}'@'{v4}' to database '{database}' with password '{secret}'"),
            5 => format!("host={full} port={port} dbname={database} user={user} password={secret}"),
            6 => format!("{{\"host\":\"{full}\",\"port\":{port},\"user\":\"{user}\",\"password\":\"{secret}\",\"database\":\"{database}\"}}"),
            7 => format!("[{v6}]:{port} and {mapped} and {v4}:{port} password is now \"{secret}\""),
            8 => format!("mysql -h {full} -u {user} -p{secret} -P {port}"),
            9 => format!("{user}@{full} and {user}@{domain}.example in /home/{user}/{database}.sql secret: {secret}"),
            10 => format!("set the password to {secret} for user={user} in database {database} on host {host}"),
            _ => format!("Server={full};Port={port};Database={database};User Id={user};Password={secret}"),
        };
        let text = format!(
            "{} {planted} {} {secret} {} {} {} {} {}",
            filler[0], filler[1], percent(&secret, true), filler[2],
            BASE64_STANDARD.encode(&secret), BASE64_STANDARD_NO_PAD.encode(format!("{user}:{secret}")), filler[3],
        );
        let shown = redact(&text);
        let gone = |what: &str| !shown.contains(what);
        // The shapes that name the secret let every repetition go.
        prop_assert!(gone(&secret), "{text}\n{shown}");
        prop_assert!(gone(&BASE64_STANDARD.encode(&secret)), "{text}\n{shown}");
        prop_assert!(gone(&full) && gone(&v4.to_string()) && gone(&v6.to_string()), "{text}\n{shown}");
        if matches!(shape, 0 | 3 | 4 | 5 | 6 | 10) {
            prop_assert!(gone(&user) && gone(&database), "{text}\n{shown}");
        }
        if matches!(shape, 0 | 3 | 5 | 6 | 7 | 8) {
            let alone = format!(" {port} ");
            prop_assert!(gone(&format!(":{port}")) && !format!(" {shown} ").contains(&alone), "{text}\n{shown}");
        }
    }

    /// Names without a digit or a sign, which nothing but the words around them gives away.
    #[test]
    fn the_words_of_a_fix_name_nobody(one in "acme[a-z]{2,8}", two in "zorg[a-z]{2,8}", at in 0..FIXES.len(), upper: bool) {
        let shape = FIXES[at];
        // Statements are written in both cases; `alter` says that it is one.
        let shape = if upper && shape.starts_with(char::is_lowercase) { shape.to_uppercase() } else { shape.to_owned() };
        let fix = shape.replace("{1}", &one).replace("{2}", &two);
        for text in [fix.clone(), format!("We did this: `{fix}` and it works."), format!("{fix}; that is all, {one} and {two}")] {
            let shown = redact(&text);
            prop_assert!(!shown.contains(&one) && !shown.contains(&two), "{}\n{}", text, shown);
        }
    }

    #[test]
    fn known_values_never_survive(value in "[a-zA-Z0-9äß名!@#$%^&*/\\\\.-][a-zA-Z0-9äß名!@#$%^&*/\\\\. -]{4,19}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let value = value.trim().to_owned();
        prop_assume!(value.chars().count() >= 5);
        let mut redactor = Redactor::new();
        redactor.know(Kind::Password, &value);
        let shown = redactor.redact(&format!("{before} {value} {after}"));
        let clean = marked(&value);
        prop_assume!(Kind::ALL.iter().all(|kind| !kind.placeholder().contains(&clean)));
        prop_assert!(!shown.contains(&value) || clean != value, "{shown:?}");
    }

    #[test]
    fn doing_it_again_changes_nothing(text in "(\\PC{0,12}|password is |host=|user \"|@|://|<host>|:5432|\\.|/|[a-z]{1,8}){0,14}") {
        let once = redact(&text);
        prop_assert_eq!(&redact(&once), &once, "{}", text);
    }
}
