//! Finds the programs of PostgreSQL on this machine, and learns which version they are.
//!
//! Order: what the caller named, `PG_BIN`, `PATH`, the usual directories (newest version first), and where
//! [`fetch`](crate::fetch) puts what it fetched. What was named must work, or it is an error; of the rest the
//! first that works is taken, and for an existing cluster the first of the cluster's own major version.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Error;

/// The oldest PostgreSQL that the schema works on.
pub(crate) const MINIMUM_MAJOR: u32 = 15;

/// A directory that holds `postgres` and `initdb`, and how to run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
    major: u32,
}

impl Binaries {
    /// Looks at one directory.
    pub fn at(directory: &Path) -> Result<Self, Error> {
        let unusable = |reason: String| Error::UnusableBinaries { directory: directory.to_owned(), reason };
        for program in ["initdb", "postgres"] {
            if !directory.join(program).is_file() {
                return Err(unusable(format!("it has no `{program}`")));
            }
        }
        let directory = fs::canonicalize(directory).map_err(|error| unusable(error.to_string()))?;
        let mut candidate = Self { directory, major: 0 };
        let output = candidate
            .command("postgres")
            .arg("--version")
            .output()
            .map_err(|error| unusable(format!("`postgres --version` does not run: {error}")))?;
        let said = String::from_utf8_lossy(&output.stdout);
        candidate.major = major_version(&said).ok_or_else(|| {
            unusable(format!(
                "`postgres --version` said {said:?} {}",
                String::from_utf8_lossy(&output.stderr)
            ))
        })?;
        if candidate.major < MINIMUM_MAJOR {
            return Err(unusable(format!(
                "it is version {}, and {MINIMUM_MAJOR} is needed",
                candidate.major
            )));
        }
        Ok(candidate)
    }

    /// Finds a PostgreSQL: `named` alone when given, else by the order of the module's description. With
    /// `cluster_major`, one of that major version.
    pub fn find(named: Option<&Path>, cluster_major: Option<u32>) -> Result<Self, Error> {
        let named = named.map(Path::to_owned).or_else(|| env::var_os("PG_BIN").map(PathBuf::from));
        let (candidates, searched) = match named {
            Some(directory) => (vec![Self::at(&directory)?], directory.display().to_string()),
            None => search(),
        };
        let Some(wanted) = cluster_major else {
            return candidates.into_iter().next().ok_or(Error::NotFound { searched });
        };
        if candidates.is_empty() {
            return Err(Error::NotFound { searched });
        }
        let found = candidates.iter().map(|found| found.major.to_string()).collect::<Vec<_>>().join(", ");
        candidates.into_iter().find(|found| found.major == wanted).ok_or(Error::OtherMajorVersion {
            directory: PathBuf::new(),
            cluster: wanted,
            found,
        })
    }

    /// The directory of `postgres` and `initdb`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The major version, such as 15.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// One of the programs, in an environment of its own: no `PG…` variable of ours reaches it, and a
    /// relocatable build (one with its libraries beside it) finds them.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        // Each statement takes memory and gives it back; glibc would give it on to the kernel and fault it in again, a dozen times in a small
        // transaction.
        command.env("MALLOC_TOP_PAD_", "1048576").env("MALLOC_TRIM_THRESHOLD_", "8388608");
        command.env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null()).current_dir("/");
        if let Some(library) = self.own_libraries() {
            command.env("LD_LIBRARY_PATH", library);
        }
        command
    }

    /// `../lib`, when this build brings its libraries along instead of using the system's.
    fn own_libraries(&self) -> Option<PathBuf> {
        let library = self.directory.parent()?.join("lib");
        let is_system = library.starts_with("/usr");
        (!is_system && library.is_dir()).then_some(library)
    }
}

/// Where [`fetch`](crate::fetch) keeps what it fetched: a place that the user whom the server runs as can
/// reach, so for root not its home.
pub fn cache_dir() -> PathBuf {
    let user_cache = || {
        let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        base.or_else(|| env::home_dir().map(|home| home.join(".cache")))
    };
    let base = if rustix::process::geteuid().is_root() { None } else { user_cache() };
    base.unwrap_or_else(|| PathBuf::from("/var/cache")).join("tollgate/postgresql")
}

/// Every PostgreSQL of this machine, best first, and where we looked.
fn search() -> (Vec<Binaries>, String) {
    let mut directories: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    directories.retain(|directory| directory.is_absolute());
    directories.extend(versioned("/usr/lib/postgresql", "", "bin"));
    directories.extend(versioned("/usr", "pgsql-", "bin"));
    directories.push("/usr/local/pgsql/bin".into());
    directories.extend(versioned("/opt/homebrew/opt", "postgresql@", "bin"));
    directories.extend(versioned("/usr/local/opt", "postgresql@", "bin"));
    directories.extend(versioned(&cache_dir().to_string_lossy(), "", "native/bin"));
    let mut found: Vec<Binaries> = Vec::new();
    for directory in &directories {
        if let Ok(binaries) = Binaries::at(directory)
            && !found.contains(&binaries)
        {
            found.push(binaries);
        }
    }
    let searched = "PG_BIN, PATH, /usr/lib/postgresql, /usr/pgsql-*, /usr/local/pgsql, homebrew";
    (found, format!("{searched}, {}", cache_dir().display()))
}

/// `base/{prefix}{version}/{suffix}` for every version there is, newest first.
fn versioned(base: &str, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else { return Vec::new() };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(suffix)))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15; `18beta1` → 18.
fn major_version(said: &str) -> Option<u32> {
    let after = said.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests;
