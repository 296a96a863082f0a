//! Building the dashboard, which the server has within it, and trying it in a browser. Both need Node.js with npm; without it a server is built
//! whose page says what is missing.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;
use rustix::process::geteuid;

use crate::{
    process::{Run, target_directory},
    sdks,
    stage::tollgate,
};

/// What the dashboard is made from.
const SOURCES: [&str; 7] =
    ["package-lock.json", "package.json", "index.html", "vite.config.ts", "tsconfig.json", "src", "public"];
/// Where a browser may be.
const BROWSERS: [&str; 5] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/usr/bin/google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
/// Names a browser that is elsewhere.
const BROWSER: &str = "CHROMIUM";

/// What may be asked of the tests.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Use this server and build none.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write the pictures of the README anew.
    #[arg(long)]
    pictures: bool,
}

fn directory() -> PathBuf {
    crate::repository().join("dashboard")
}

fn has_npm() -> bool {
    Run::program("npm").arg("--version").works()
}

/// Builds it unless nothing has changed; without npm says so and leaves it as it is. Call it before the server is built.
pub(crate) fn build_if_possible() -> anyhow::Result<()> {
    if has_npm() {
        return build();
    }
    println!("── no dashboard: it is built with Node.js 20 or newer and npm, and npm is not here");
    Ok(())
}

fn build() -> anyhow::Result<()> {
    let directory = directory();
    install(&directory)?;
    let stamp = target_directory()?.join("dashboard").join("built");
    let wanted = digest(&directory, &SOURCES)?;
    if is(&stamp, &wanted) && directory.join("dist/index.html").is_file() {
        return Ok(());
    }
    println!("── the dashboard");
    Run::program("npm").args(["run", "--silent", "build"]).directory(&directory).run()?;
    write(&stamp, &wanted)
}

/// Its packages, as they are locked.
fn install(directory: &Path) -> anyhow::Result<()> {
    let stamp = directory.join("node_modules/.installed");
    let wanted = digest(directory, &["package-lock.json"])?;
    if is(&stamp, &wanted) {
        return Ok(());
    }
    println!("── the dashboard's packages");
    let npm =
        Run::program("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.directory(directory).run().context(
        "the packages of the dashboard cannot be installed: npm and a reachable registry are needed",
    )?;
    write(&stamp, &wanted)
}

/// What continuous integration does of it: all, as far as there is npm, and a browser or the right to install one. Without SDKs there is no
/// OpenID provider either, and nobody signs in through one.
pub(crate) fn test_in_ci(sdks: Option<&Path>) -> anyhow::Result<()> {
    if !has_npm() {
        println!("   skipped, because npm is not here");
        return Ok(());
    }
    if browser().is_err() && geteuid().is_root() && Run::program("apt-get").arg("--version").works() {
        println!("── no browser is here; installing one");
        let apt = |task: &[&str]| {
            Run::program("apt-get")
                .args(["-qq", "-o=Dpkg::Use-Pty=0"])
                .args(task)
                .env("DEBIAN_FRONTEND", "noninteractive")
        };
        let installed = apt(&["update"])
            .run()
            .and_then(|()| apt(&["install", "-y", "--no-install-recommends", "chromium"]).run());
        if let Err(error) = installed {
            println!("   there is none to be had: {error:#}");
        }
    }
    if let Err(none) = browser() {
        check()?;
        println!("   built and checked, and not looked at in a browser: {none:#}");
        return Ok(());
    }
    check()?;
    in_browser(&Options { binary: None, pictures: false }, sdks)
}

/// Builds it, and holds it against types, lints and unit tests.
fn check() -> anyhow::Result<()> {
    build()?;
    let npm = |task: &str| Run::program("npm").args(["run", "--silent", task]).directory(&directory());
    npm("check").run()?;
    npm("unit").run()
}

/// `cargo ui-test`: types, lints, unit tests, and every page in a browser on a real server.
pub(crate) fn test(options: &Options) -> anyhow::Result<()> {
    ensure!(has_npm(), "npm is not here: the dashboard is built and tried with Node.js 20 or newer");
    browser()?;
    check()?;
    in_browser(options, Some(&sdks::for_node()?))
}

/// Every page in a browser on a real server; where there are SDKs, sign-in through a real OpenID provider as well.
fn in_browser(options: &Options, sdks: Option<&Path>) -> anyhow::Result<()> {
    let browser = browser()?;
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("finding {}", binary.display()))?,
        // A debug build reads the dashboard from disk.
        None => tollgate::build(true)?,
    };
    let run = Run::program("node")
        .args(["--test", "--test-timeout=1200000", "tests/ui.test.mjs"])
        .directory(&directory())
        .env("TOLLGATE_BINARY", &binary)
        .env(BROWSER, &browser);
    let run = if let Some(sdks) = sdks { run.env(sdks::VARIABLE, sdks) } else { run };
    let run = if options.pictures { run.env("TOLLGATE_PICTURES", "1") } else { run };
    run.run()?;
    println!("the pictures of every page are in {}", target_directory()?.join("dashboard").display());
    Ok(())
}

fn browser() -> anyhow::Result<PathBuf> {
    let named = env::var_os(BROWSER).map(PathBuf::from);
    let found = named.or_else(|| BROWSERS.iter().map(PathBuf::from).find(|path| path.is_file()));
    found.with_context(|| {
        format!("no Chromium is here: install it (`apt-get install chromium`), or name one with {BROWSER}=/path/to/it")
    })
}

/// Of the names and contents of these files and all files under these directories.
fn digest(root: &Path, sources: &[&str]) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    let mut waiting: Vec<PathBuf> = sources.iter().map(|source| root.join(source)).collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
            entries.sort();
            waiting.extend(entries);
        } else {
            path.hash(&mut hasher);
            fs::read(&path).with_context(|| format!("reading {}", path.display()))?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn is(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

fn write(stamp: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(parent) = stamp.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(fs::write(stamp, text)?)
}

#[cfg(test)]
mod tests;
