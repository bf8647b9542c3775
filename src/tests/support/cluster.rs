//! Our own database for tests: one PostgreSQL for all of them, a fresh database for each.
//!
//! `MOORING_TEST_DATABASE_URL` names a server to use, as its superuser. Without it the first test starts one
//! in the workspace of the test servers, and the processes of later tests find it running. It stops by
//! itself a quarter of an hour after the last test, which is what bounds it; what it holds may be deleted
//! at any time.
//!
//! The migrations run once, into a template that carries their checksums and the month in its name (the
//! month because partitions are made ahead of it). A test's database is a copy, owned by the role `mooring`,
//! which may make roles and is no superuser: what a careful operator gives.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, Write},
    net::TcpStream,
    path::Path,
    process::Stdio,
    str::FromStr,
};

use mooring::server::db::MIGRATOR;
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use uuid::Uuid;

use super::{
    postgres::{initialise, programs, ready},
    server_process::{Port, command, lock, private_file, private_folder, run, workspace},
};

/// The role that owns our database, and its password where the server asks for one.
const OWNER: &str = "mooring";

/// Ends the shared server once no test has held its stamp for a quarter of an hour.
const WATCH: &str = r#"while sleep 60; do
    [ -e "$2/postmaster.pid" ] || exit 0
    [ -n "$(find "$3" -mmin -15)" ] || flock --nonblock --close "$3" "$1" stop -D "$2" -m fast -w
done"#;

/// A PostgreSQL server that our databases can be made on.
#[derive(Debug)]
pub struct Cluster {
    superuser: PgConnectOptions,
    // Held shared as long as a test needs the shared server; the watch stops it under an exclusive lock.
    _stamp: Option<File>,
}

impl Cluster {
    /// The server that all tests share.
    pub fn shared() -> Self {
        if let Ok(url) = std::env::var("MOORING_TEST_DATABASE_URL") {
            return Self::at(&url);
        }
        let path = workspace().join("cluster.stamp");
        let mut stamp =
            OpenOptions::new().create(true).write(true).truncate(false).open(&path).expect("open the stamp");
        stamp.lock_shared().expect("hold the shared server");
        stamp.rewind().and_then(|()| stamp.write_all(b"used\n")).expect("stamp the shared server as used");
        let port = {
            let _starting = lock("cluster");
            let folder = workspace().join("cluster");
            running(&folder).unwrap_or_else(|| start(&folder, &path))
        };
        Self { _stamp: Some(stamp), ..Self::at(&format!("postgres://postgres@127.0.0.1:{port}/postgres")) }
    }

    /// The server at the superuser's `url`.
    pub fn at(url: &str) -> Self {
        let superuser = PgConnectOptions::from_str(url).expect("a postgres:// url").ssl_mode(PgSslMode::Prefer);
        Self { superuser: superuser.disable_statement_logging(), _stamp: None }
    }

    /// A fresh database with the whole schema, dropped with what it answers.
    pub async fn database(self) -> TestDatabase {
        let template = self.template().await;
        let name = format!("t_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect_with(&self.superuser).await.expect("connect to the test server");
        execute(&mut connection, &format!("create database {name} template {template} owner {OWNER}")).await;
        connection.close().await.expect("close a connection");
        let owner = self.superuser.clone().username(OWNER).password(OWNER).database(&name);
        TestDatabase { name, owner, cluster: self }
    }

    /// The name of the template, which is made where it is missing.
    async fn template(&self) -> String {
        let checksums: Vec<u8> = MIGRATOR.iter().flat_map(|migration| migration.checksum.to_vec()).collect();
        let schema = Uuid::new_v5(&Uuid::NAMESPACE_OID, &checksums).simple();
        let mut connection = PgConnection::connect_with(&self.superuser).await.expect("connect to the test server");
        let month: String = sqlx::query_scalar("select to_char(now() at time zone 'utc', 'YYYYMM')")
            .fetch_one(&mut connection)
            .await
            .expect("ask for the month");
        let name = format!("mooring_template_{month}_{schema}");
        // Held until the connection closes, so that one test makes it and the others wait.
        execute(&mut connection, "select pg_advisory_lock(hashtext('mooring_template'))").await;
        let made: bool =
            sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
                .bind(&name)
                .fetch_one(&mut connection)
                .await
                .expect("look for the template");
        if !made {
            execute(&mut connection, &format!("drop database if exists {name} with (force)")).await;
            execute(
                &mut connection,
                &format!(
                    "do $$ begin
                        if not exists (select from pg_roles where rolname = '{OWNER}') then
                            create role {OWNER} login createrole;
                        end if;
                     end $$;
                     alter role {OWNER} password '{OWNER}'"
                ),
            )
            .await;
            execute(&mut connection, &format!("create database {name} owner {OWNER}")).await;
            let owner = self.superuser.clone().username(OWNER).password(OWNER).database(&name);
            let mut migrating = PgConnection::connect_with(&owner).await.expect("connect to the template");
            MIGRATOR.run(&mut migrating).await.expect("migrate the template");
            migrating.close().await.expect("close a connection");
            execute(&mut connection, &format!("alter database {name} is_template true")).await;
        }
        connection.close().await.expect("close a connection");
        name
    }
}

/// A database of one test; dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    owner: PgConnectOptions,
    cluster: Cluster,
}

impl TestDatabase {
    /// A fresh database on the shared server.
    pub async fn fresh() -> Self {
        Cluster::shared().database().await
    }

    /// What a `Mooring` process gets as `DATABASE_URL`.
    pub fn url(&self) -> String {
        url(&self.owner)
    }

    /// A pool as `Mooring` has it: as the owner of the tables.
    pub fn pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new().max_connections(connections).connect_lazy_with(self.owner.clone())
    }

    /// A connection as the owner of the tables.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.owner).await.expect("connect to the test's database")
    }

    /// Everything in the database, as `pg_dump` writes it.
    pub fn dump(&self) -> String {
        let superuser = self.cluster.superuser.clone().database(&self.name);
        run(command(programs().join("pg_dump"), workspace()).args(["--inserts", "--dbname"]).arg(url(&superuser)))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let superuser = self.cluster.superuser.clone();
        // A thread of its own, because this one is inside a runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&superuser).await?;
                sqlx::raw_sql(&statement).execute(&mut connection).await?;
                connection.close().await
            })?;
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        });
        // The server may be one that the test has stopped, and what stays costs space, not a wrong result.
        let _ = dropping.join();
    }
}

/// Without the parameters that only sqlx knows.
fn url(options: &PgConnectOptions) -> String {
    let mut url = options.to_url_lossy();
    url.set_query(None);
    url.to_string()
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The port of the shared server, where it runs.
fn running(folder: &Path) -> Option<u16> {
    let pid_file = folder.join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).ok()?;
    let mut lines = text.lines();
    let id = lines.next()?.parse().ok()?;
    let port = lines.nth(2)?.parse().ok()?;
    // The file outlives a crash; then nobody listens.
    (ready(&pid_file, id) && TcpStream::connect(("127.0.0.1", port)).is_ok()).then_some(port)
}

/// Starts the shared server; makes it anew where it does not start, since nothing in it is worth keeping.
fn start(folder: &Path, stamp: &Path) -> u16 {
    let port = Port::take().number();
    let pg_ctl = programs().join("pg_ctl");
    let log = folder.join("server.log");
    let again = || {
        folder.join("PG_VERSION").exists()
            && command(&pg_ctl, workspace())
                .args(["start", "-w", "-D"])
                .arg(folder)
                .arg("-l")
                .arg(&log)
                .arg("-o")
                .arg(format!("-p {port}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    };
    if !again() {
        if folder.exists() {
            fs::remove_dir_all(folder).expect("remove a broken shared server");
        }
        private_folder(folder);
        initialise(folder, &[]);
        let conf = folder.join("postgresql.conf");
        let before = fs::read_to_string(&conf).expect("read postgresql.conf");
        private_file(
            &conf,
            &format!(
                "{before}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
"
            ),
        );
        assert!(again(), "the shared server does not start:\n{}", fs::read_to_string(&log).unwrap_or_default());
    }
    // In a session of its own: what ends a test's process group must not end what others use.
    run(command("setsid", workspace())
        .args(["--fork", "sh", "-c", WATCH, "watch"])
        .arg(&pg_ctl)
        .arg(folder)
        .arg(stamp)
        .stdout(Stdio::null())
        .stderr(Stdio::null()));
    port
}
