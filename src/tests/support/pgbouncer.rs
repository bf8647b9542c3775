//! Private `PgBouncer`s before a private PostgreSQL.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{
    postgres::{DATABASE, PASSWORD, TargetPostgres, USER},
    server_process::{Port, ServerProcess, command, private_file, private_folder, workspace},
};

/// A pooler on 127.0.0.1 that knows [`USER`] and [`DATABASE`]; gone with its files when dropped.
#[derive(Debug)]
pub struct PgBouncer {
    port: Port,
    folder: PathBuf,
    process: Option<ServerProcess>,
}

impl PgBouncer {
    /// Starts a pooler before `server`, with further lines of its configuration.
    pub fn start(server: &TargetPostgres, lines: &[&str]) -> Self {
        let port = Port::take();
        let folder = workspace().join(format!("pgbouncer-{}", Uuid::new_v4().simple()));
        private_folder(&folder);
        private_file(&folder.join("users.txt"), &format!("\"{USER}\" \"{PASSWORD}\"\n"));
        let configuration = format!(
            "[databases]\n{DATABASE} = host=127.0.0.1 port={} dbname={DATABASE}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = users.txt\n{}\n",
            server.port(),
            port.number(),
            lines.join("\n")
        );
        private_file(&folder.join("pgbouncer.ini"), &configuration);
        let mut pgbouncer = command(program(), &folder);
        pgbouncer.arg("pgbouncer.ini");
        let address = ("127.0.0.1", port.number());
        let process =
            ServerProcess::start(pgbouncer, &folder.join("pgbouncer.log"), |_| TcpStream::connect(address).is_ok());
        Self { port, folder, process: Some(process) }
    }

    /// Takes a connection to the server and keeps it as long as what is given back.
    pub async fn hold(&self) -> tokio_postgres::Client {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port())).await.expect("reach the pooler");
        let (client, connection) = tokio_postgres::Config::new()
            .user(USER)
            .password(PASSWORD)
            .dbname(DATABASE)
            .application_name("tests")
            .connect_raw(stream, tokio_postgres::NoTls)
            .await
            .expect("log in to the pooler");
        // Ends with the client.
        tokio::spawn(connection);
        client.simple_query("begin").await.expect("take a connection");
        client
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process = None;
        // A folder that stays costs space, not a wrong result.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn program() -> &'static Path {
    let program = Path::new("/usr/sbin/pgbouncer");
    assert!(program.exists(), "the tests need PgBouncer: {} was not found", program.display());
    program
}
