//! The user that the server runs as.
//!
//! An ordinary user runs it as itself. Root cannot: PostgreSQL refuses. It is run as the owner of the
//! cluster then, at first `postgres` or `nobody`. That user need not be able to pass through the folders
//! above the data folder (`/root` is closed to all others), and other people's folders are not ours to
//! open. So where one of them is closed, the server gets one capability along: to pass through closed
//! folders (`CAP_DAC_OVERRIDE`, which containers have as well), by way of util-linux' `setpriv`.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::EmbeddedError;

/// Whether this process runs as root.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Who runs PostgreSQL's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// Whoever runs Mooring.
    Own,
    /// Another user, since this process runs as root.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// The owner of the cluster in `data`, or who is to own it.
    pub(super) fn for_cluster(data: &Path) -> Result<Self, EmbeddedError> {
        let owner = match fs::metadata(data) {
            Ok(metadata) => Some((metadata.uid(), metadata.gid())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(EmbeddedError::Folder { path: data.to_owned(), action: "read", source }),
        };
        match (is_root(), owner) {
            (false, Some((uid, _))) if uid != rustix::process::geteuid().as_raw() => {
                Err(EmbeddedError::Owner(data.to_owned()))
            }
            (false, _) => Ok(Self::Own),
            (true, Some((uid, gid))) if uid != 0 => Ok(Self::Other { uid, gid }),
            (true, _) => {
                let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
                let (uid, gid) = ["postgres", "nobody"]
                    .into_iter()
                    .find_map(|name| user(&users, name))
                    .ok_or(EmbeddedError::NoAccount)?;
                Ok(Self::Other { uid, gid })
            }
        }
    }

    /// Gives `folder` to this user.
    pub(super) fn own(&self, folder: &Path) -> Result<(), EmbeddedError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => std::os::unix::fs::chown(folder, Some(*uid), Some(*gid))
                .map_err(|source| EmbeddedError::Folder { path: folder.to_owned(), action: "written", source }),
        }
    }

    /// A command that runs `program` on `folder` as this user, in `folder`'s own parent and with nothing of our
    /// environment but the search path: it holds secrets, and `PG*` variables would change what the program does.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Other { uid, gid } if is_open(folder, *uid, *gid) => {
                let mut command = Command::new(program);
                // The standard library gives up the supplementary groups of root along with it.
                command.uid(*uid).gid(*gid);
                command
            }
            Self::Other { uid, gid } => {
                let mut command = Command::new("setpriv");
                command.args([
                    format!("--reuid={uid}"),
                    format!("--regid={gid}"),
                    "--clear-groups".to_owned(),
                    "--inh-caps=+dac_override".to_owned(),
                    "--ambient-caps=+dac_override".to_owned(),
                    "--".to_owned(),
                ]);
                command.arg(program);
                command
            }
        };
        command.env_clear().current_dir("/");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        // Messages are read by people who look into the log, and by us.
        command.env("LC_MESSAGES", "C").env("TZ", "UTC");
        command
    }
}

/// Whether `uid` may pass through every folder above `folder`.
fn is_open(folder: &Path, uid: u32, gid: u32) -> bool {
    folder.ancestors().skip(1).all(|parent| fs::metadata(parent).is_ok_and(|metadata| may_pass(&metadata, uid, gid)))
}

fn may_pass(metadata: &fs::Metadata, uid: u32, gid: u32) -> bool {
    let mode = metadata.mode();
    if metadata.uid() == uid {
        mode & 0o100 != 0
    } else if metadata.gid() == gid {
        mode & 0o010 != 0
    } else {
        mode & 0o001 != 0
    }
}

/// User and group of `name` in the text of `/etc/passwd`.
fn user(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let mut number = || fields.next()?.parse::<u32>().ok();
    let (uid, gid) = (number()?, number()?);
    (uid != 0).then_some((uid, gid))
}

/// What went wrong with a program that did not even start.
pub(super) fn not_started(program: &Path, error: &io::Error) -> String {
    let name = program.file_name().unwrap_or_else(|| OsStr::new("it"));
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{} or `setpriv` (of util-linux) is not there", PathBuf::from(name).display())
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_user_that_is_not_root() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\ntoor:x:0:0::/:/bin/sh\nbroken:x\n";
        assert_eq!(user(users, "postgres"), Some((101, 104)));
        for name in ["nobody", "toor", "broken", ""] {
            assert_eq!(user(users, name), None, "{name}");
        }
    }
}
