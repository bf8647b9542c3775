//! Making the cluster.

use std::{fs, io, path::Path, process::Stdio};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{TryRngCore, rngs::OsRng};
use tokio::io::AsyncWriteExt;

use crate::connections::settings::Secret;

use super::{
    EmbeddedError, Folder,
    account::{Account, not_started},
    binaries::Binaries,
};

/// The login role, which owns the database.
pub(super) const ROLE: &str = "mooring";
/// The database.
pub(super) const DATABASE: &str = "mooring";

/// Only the one database, only from this machine, only with a password. The superuser has none, so it
/// cannot log in.
const HBA: &str = "# Written by Mooring when it made this cluster.\nhost mooring all 127.0.0.1/32 scram-sha-256\n";

/// Makes the cluster where there is none, and gives the password of the login role.
///
/// It is made beside its place and moved there when it is complete: a start that was cut off leaves nothing
/// that a later one would take for a cluster.
pub(super) async fn ensure(folder: &Folder, binaries: &Binaries, account: &Account) -> Result<Secret, EmbeddedError> {
    let data = folder.data();
    if data.join("PG_VERSION").exists() {
        return match folder.read("password")? {
            Some(password) => Ok(Secret::new(password.trim())),
            None => Err(EmbeddedError::Folder {
                path: folder.0.join("password"),
                action: "read",
                source: io::ErrorKind::NotFound.into(),
            }),
        };
    }
    let draft = folder.0.join("data.new");
    let made = |source| EmbeddedError::Folder { path: draft.clone(), action: "made", source };
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(made)?;
    }
    fs::create_dir(&draft).map_err(made)?;
    account.own(&draft)?;
    let password = random_password().map_err(made)?;
    initialise(&draft, binaries, account).await?;
    make_role(&draft, binaries, account, &password).await?;
    fs::write(draft.join("pg_hba.conf"), HBA).map_err(made)?;
    folder.write("password", password.reveal())?;
    fs::rename(&draft, &data).map_err(|source| EmbeddedError::Folder { path: data, action: "made", source })?;
    Ok(password)
}

fn random_password() -> io::Result<Secret> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

async fn initialise(draft: &Path, binaries: &Binaries, account: &Account) -> Result<(), EmbeddedError> {
    let program = binaries.program("initdb");
    let mut command = account.command(&program, draft);
    command
        .args(["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"])
        .arg("--no-instructions")
        .arg("--pgdata")
        .arg(draft)
        .stdin(Stdio::null());
    let output = command
        .output()
        .await
        .map_err(|error| EmbeddedError::Program { program: "initdb", reason: not_started(&program, &error) })?;
    if output.status.success() {
        return Ok(());
    }
    Err(EmbeddedError::Program { program: "initdb", reason: last_line(&output.stderr) })
}

/// Makes the login role and its database in single-user mode, so that no superuser ever needs to log in.
/// The password goes by the standard input, which nobody else sees.
async fn make_role(
    draft: &Path,
    binaries: &Binaries,
    account: &Account,
    password: &Secret,
) -> Result<(), EmbeddedError> {
    let program = binaries.program("postgres");
    let failed = |reason| EmbeddedError::Program { program: "postgres", reason };
    let mut child = account
        .command(&program, draft)
        .args(["--single", "-D"])
        .arg(draft)
        // An error ends the program instead of being one line among others.
        .args(["-c", "exit_on_error=on", "-c", "log_statement=none", "-c", "log_min_error_statement=panic", "postgres"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(not_started(&program, &error)))?;
    // One statement a line; the password is made of hexadecimal digits.
    let script = format!(
        "create role {ROLE} login createrole password '{}'\ncreate database {DATABASE} owner {ROLE}\n\
         revoke temporary on database {DATABASE} from public\n",
        password.reveal()
    );
    if let Some(mut input) = child.stdin.take() {
        input.write_all(script.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() { Ok(()) } else { Err(failed(last_line(&output.stderr))) }
}

/// The last line that says something.
pub(super) fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it gave no reason").to_owned()
}
