//! `cargo dist`: a build of `tollgate` that the compiler has arranged by what a busy gateway really does.
//!
//! A request's work is spread thinly over much code, so what is near to what matters more than any one function. The program is built with
//! counters, serves half a minute of traffic of every kind, and is built again with what was counted. It is the same program, and does the same.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use crate::{
    dashboard,
    process::{Run, target_directory},
    soak,
};

/// What it is to be compiled with, in the place of cargo's own flags; where a target is named, build scripts and macros are built without it.
const FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";
/// Between two of them.
const SEPARATOR: char = '\u{1f}';

/// Builds it, twice, and says where it is.
pub(crate) fn run() -> anyhow::Result<()> {
    let merger = merger()?;
    let host = Run::program("rustc").args(["--print", "host-tuple"]).output()?.trim().to_owned();
    let directory = target_directory()?.join("dist");
    let counts = directory.join("counts");
    if counts.exists() {
        fs::remove_dir_all(&counts).with_context(|| format!("removing {}", counts.display()))?;
    }
    fs::create_dir_all(&counts).with_context(|| format!("making {}", counts.display()))?;

    dashboard::build_if_possible()?;
    let counting = build(&directory.join("counting"), &host, "-Cprofile-generate=", &counts)?;
    soak::train(counting)?;
    let profile = directory.join("tollgate.profdata");
    merge(&merger, &counts, &profile)?;
    let built = build(&directory.join("build"), &host, "-Cprofile-use=", &profile)?;
    let program = directory.join("tollgate");
    fs::copy(&built, &program).with_context(|| format!("copying {}", built.display()))?;
    println!("── {}", program.display());
    Ok(())
}

/// Compiles it with one more flag, which ends in a path, and answers where it is.
fn build(target: &Path, host: &str, flag: &str, path: &Path) -> anyhow::Result<PathBuf> {
    let build = Run::cargo("build --release --locked --package tollgate-server --bin tollgate")
        .args(["--target", host])
        .arg("--target-dir")
        .arg(target);
    println!("── {build}, {flag}{}", path.display());
    build.env(FLAGS, flags(flag, path)).withhold("RUSTFLAGS").run()?;
    Ok(target.join(host).join("release").join("tollgate"))
}

/// The flags of whoever runs us, and one more.
fn flags(flag: &str, path: &Path) -> OsString {
    let theirs = env::var(FLAGS).ok().or_else(|| {
        let spaced = env::var("RUSTFLAGS").ok()?;
        Some(spaced.split_whitespace().collect::<Vec<_>>().join(&SEPARATOR.to_string()))
    });
    let mut flags =
        OsString::from(theirs.filter(|theirs| !theirs.is_empty()).map_or_else(String::new, |mut theirs| {
            theirs.push(SEPARATOR);
            theirs
        }));
    flags.push(flag);
    flags.push(path);
    flags
}

fn merge(merger: &Path, counts: &Path, profile: &Path) -> anyhow::Result<()> {
    let raw = fs::read_dir(counts)
        .and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()
        })
        .with_context(|| format!("reading {}", counts.display()))?;
    ensure!(!raw.is_empty(), "the program that counts left nothing in {}", counts.display());
    Run::program(merger).arg("merge").arg("-o").arg(profile).args(raw).run()
}

/// The tool that belongs to this compiler: another version's may not know the format.
fn merger() -> anyhow::Result<PathBuf> {
    let libraries = Run::program("rustc").args(["--print", "target-libdir"]).output()?;
    let merger = Path::new(libraries.trim()).with_file_name("bin").join("llvm-profdata");
    ensure!(
        merger.is_file(),
        "{} is not there; install it with: rustup component add llvm-tools",
        merger.display()
    );
    Ok(merger)
}
