//! The official SDKs that tests drive against a gateway, for Python and Node.
//!
//! Their versions are pinned beside the tests, in `crates/server/tests/sdk/`. They are installed under the target
//! directory, in `sdks/python` (a virtual environment) and `sdks/node` (with `node_modules`), and again only when what
//! is pinned has changed. Tests find them by [`VARIABLE`], or in the target directory. The OpenID provider that tests sign in at is among
//! those for Node.

use std::{fs, path::Path, path::PathBuf};

use anyhow::Context;

use crate::process::{Run, target_directory};

/// Tells tests where the SDKs are; where it is set, a test may not skip them.
pub(crate) const VARIABLE: &str = "TOLLGATE_SDKS";
const PINNED: &str = "crates/server/tests/sdk";

/// Installs what is missing, and answers where.
pub(crate) fn run() -> anyhow::Result<PathBuf> {
    let pinned = crate::repository().join(PINNED).join("requirements.txt");
    python_environment(&target_directory()?.join("sdks/python"), &pinned, &[])?;
    let sdks = for_node()?;
    println!("the SDKs are in {}", sdks.display());
    Ok(sdks)
}

/// Installs those for Node where they are missing, and answers where both are.
pub(crate) fn for_node() -> anyhow::Result<PathBuf> {
    let sdks = target_directory()?.join("sdks");
    let pinned = crate::repository().join(PINNED).join("package.json");
    node(&sdks.join("node"), &pinned).with_context(|| {
        format!("the Node SDKs of {PINNED}/package.json cannot be installed: Node 20 or newer with npm, and a reachable registry are needed")
    })?;
    Ok(sdks)
}

/// A virtual environment with what `requirements` pins.
pub(crate) fn python_environment(
    directory: &Path,
    requirements: &Path,
    options: &[&str],
) -> anyhow::Result<()> {
    let install = || {
        let wanted = fs::read_to_string(requirements)?;
        if is_installed(directory, &wanted) {
            return Ok(());
        }
        Run::program("python3").args(["-m", "venv", "--clear"]).arg(directory).run()?;
        let pip = Run::program(directory.join("bin/python")).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip.args(options).arg("--requirement").arg(requirements).run()?;
        mark_installed(directory, &wanted)
    };
    install().with_context(|| {
        format!(
            "the Python packages of {} cannot be installed: Python 3.10 or newer with venv, and a reachable package index are needed",
            requirements.display()
        )
    })
}

fn node(directory: &Path, manifest: &Path) -> anyhow::Result<()> {
    let wanted = fs::read_to_string(manifest)?;
    if is_installed(directory, &wanted) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    fs::write(directory.join("package.json"), &wanted)?;
    println!("── the SDKs for Node, and the OpenID provider");
    let npm = Run::program("npm").args([
        "install",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--ignore-scripts",
    ]);
    npm.directory(directory).run()?;
    mark_installed(directory, &wanted)
}

/// Written last, so that half an installation is not taken for a whole one.
fn stamp(directory: &Path) -> PathBuf {
    directory.join("installed")
}

fn is_installed(directory: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp(directory)).is_ok_and(|installed| installed == wanted)
}

fn mark_installed(directory: &Path, wanted: &str) -> anyhow::Result<()> {
    Ok(fs::write(stamp(directory), wanted)?)
}
