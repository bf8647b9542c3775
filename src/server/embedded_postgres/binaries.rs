//! Where PostgreSQL's programs are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::OLDEST_MAJOR;

/// A folder of programs of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    major: u32,
}

/// There are no programs to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// None at all.
    #[error(
        "PostgreSQL is not installed: install it (Debian: apt install postgresql), or set DATABASE_URL to a server of yours"
    )]
    NotInstalled,
    /// Only ones that are too old.
    #[error(
        "PostgreSQL {0} is installed, but {OLDEST_MAJOR} or later is needed: install it, or set DATABASE_URL to a server of yours"
    )]
    TooOld(u32),
}

impl Binaries {
    /// The path of `program`.
    #[must_use]
    pub fn program(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// The major version.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.major
    }
}

/// The newest programs that are installed.
///
/// # Errors
///
/// [`FindError`].
pub async fn find() -> Result<Binaries, FindError> {
    newest(installed().await)
}

pub(super) fn newest(installed: Vec<Binaries>) -> Result<Binaries, FindError> {
    match installed.into_iter().next() {
        None => Err(FindError::NotInstalled),
        Some(binaries) if binaries.major < OLDEST_MAJOR => Err(FindError::TooOld(binaries.major)),
        Some(binaries) => Ok(binaries),
    }
}

/// Every installed version, the newest first.
pub(super) async fn installed() -> Vec<Binaries> {
    let mut found = Vec::new();
    for folder in folders() {
        if !folder.join("initdb").is_file() {
            continue;
        }
        // The answer of the program counts, not the name of its folder.
        let Ok(output) = Command::new(folder.join("postgres")).arg("--version").output().await else { continue };
        if let Some(major) = major_of(&String::from_utf8_lossy(&output.stdout)) {
            found.push(Binaries { folder, major });
        }
    }
    found.sort_by_key(|binaries: &Binaries| std::cmp::Reverse(binaries.major));
    found
}

/// Debian's folders and Red Hat's, each with one below it for every version, and then the search path.
fn folders() -> Vec<PathBuf> {
    let below = |folder: &str| {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let debian = below("/usr/lib/postgresql");
    let red_hat = below("/usr").into_iter().filter(|path| starts_with(path, "pgsql-"));
    let versions = debian.into_iter().chain(red_hat).map(|version| version.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    versions.chain(env::split_paths(&path)).collect()
}

fn starts_with(path: &Path, start: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(start))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits = number.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        for (text, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) devel", None),
            ("", None),
        ] {
            assert_eq!(major_of(text), major, "{text}");
        }
    }

    #[test]
    fn wants_the_newest_and_none_that_is_too_old() {
        let binaries = |major| Binaries { folder: PathBuf::from("/bin"), major };
        assert_eq!(newest(vec![binaries(17), binaries(15)]), Ok(binaries(17)));
        assert_eq!(newest(vec![binaries(13)]), Err(FindError::TooOld(13)));
        assert_eq!(newest(Vec::new()), Err(FindError::NotInstalled));
    }
}
