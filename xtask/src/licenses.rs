//! Licenses of the crates that others made: which may come in, and the notices that the program carries.
//!
//! The list of licenses that are allowed is that of `deny.toml`, for `cargo deny` and for us. What is within the program is told by cargo, for each
//! target of that file; the texts are read from the crates themselves. The notices are checked in (`tollgate licenses` prints them), so that a
//! program has them however it was built, and `cargo ci` says when they are not those of the lock file any more.

mod expression;
mod notices;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use anyhow::{Context, bail, ensure};

use self::{expression::Expression, notices::Notice};
use crate::process::Run;

/// Where the notices are, for the program to have them within it.
const NOTICES: &str = "crates/server/third-party-notices.txt";
/// How they are made anew.
const COMMAND: &str = "cargo run -p xtask -- licenses";

/// What crates bring along, where their own license is not that of it: with the file that has its text.
const BROUGHT_ALONG: [(&str, &str, &str); 1] = [(
    "utoipa-swagger-ui-vendored",
    "Swagger UI (Apache-2.0), Copyright 2020-2021 SmartBear Software Inc.",
    "LICENSE-APACHE",
)];

/// A crate that somebody else made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
}

/// What `deny.toml` says.
struct Rules {
    targets: Vec<String>,
    allowed: BTreeSet<String>,
}

/// `cargo run -p xtask -- licenses`: writes the notices anew.
pub(crate) fn write() -> anyhow::Result<()> {
    let rules = Rules::read()?;
    rules.check()?;
    let path = crate::repository().join(NOTICES);
    fs::write(&path, rules.notices()?).with_context(|| format!("writing {}", path.display()))?;
    println!("the notices are in {NOTICES}");
    Ok(())
}

/// Whether every crate may come in, and the notices are those of the crates that are there now.
pub(crate) fn check() -> anyhow::Result<()> {
    let rules = Rules::read()?;
    rules.check()?;
    let path = crate::repository().join(NOTICES);
    let found = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    ensure!(found == rules.notices()?, "{NOTICES} is not that of Cargo.lock: write it anew with `{COMMAND}`");
    Ok(())
}

impl Rules {
    fn read() -> anyhow::Result<Self> {
        let text = fs::read_to_string(crate::repository().join("deny.toml")).context("reading deny.toml")?;
        let rules: toml::Table = text.parse().context("reading deny.toml")?;
        let texts = |table: &str, key: &str| {
            let list = rules.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
            let texts: Vec<String> =
                list.into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect();
            ensure!(!texts.is_empty(), "deny.toml has no [{table}] {key}");
            Ok(texts)
        };
        Ok(Self {
            targets: texts("graph", "targets")?,
            allowed: texts("licenses", "allow")?.into_iter().collect(),
        })
    }

    /// Of everything that is built here, tools and tests included.
    fn check(&self) -> anyhow::Result<()> {
        let crates = self.crates("--workspace --all-features --edges all")?;
        let refused: Vec<String> = crates
            .iter()
            .filter_map(|(of, license)| {
                Some(format!("\n  {} {}: {}", of.name, of.version, self.refuses(license)?))
            })
            .collect();
        ensure!(refused.is_empty(), "crates that deny.toml does not let in:{}", refused.concat());
        println!("{} crates, each under a license that deny.toml allows", crates.len());
        Ok(())
    }

    /// Why such a license is not allowed, if it is not.
    fn refuses(&self, license: &str) -> Option<String> {
        match license.parse::<Expression>() {
            Err(error) => Some(error.to_string()),
            Ok(expression) if expression.is_met(&|name| self.allowed.contains(name)) => None,
            Ok(_) => Some(license.to_owned()),
        }
    }

    /// Of what the program is made from; macros and what builds it included, since some of that brings along what the program has within it.
    fn notices(&self) -> anyhow::Result<String> {
        let directories = self.directories()?;
        let crates = self.crates("--package tollgate-server --edges normal,build")?;
        let mut found = Vec::with_capacity(crates.len());
        for (of, license) in crates {
            let Some(directory) = directories.get(&of) else {
                bail!("cargo does not say where {} is", of.name)
            };
            found.push(Notice::read(format!("{} {} ({license})", of.name, of.version), &license, directory)?);
            for (_, what, file) in BROUGHT_ALONG.iter().filter(|(name, ..)| *name == of.name) {
                found.push(Notice::of(
                    format!("{what}, within {} {}", of.name, of.version),
                    &directory.join(file),
                )?);
            }
        }
        Ok(notices::text(&found))
    }

    /// What cargo finds with these arguments for any of the targets, each with its license; without what is our own.
    fn crates(&self, arguments: &str) -> anyhow::Result<BTreeMap<Crate, String>> {
        let mut crates = BTreeMap::new();
        for target in &self.targets {
            let tree = Run::cargo("tree --locked --prefix none --format {p}|{l} --target").arg(target);
            let tree = tree.args(arguments.split_whitespace()).output()?;
            crates.extend(tree.lines().filter_map(entry));
        }
        Ok(crates)
    }

    /// Where cargo has the crates.
    fn directories(&self) -> anyhow::Result<BTreeMap<Crate, PathBuf>> {
        let platforms = self.targets.iter().flat_map(|target| ["--filter-platform", target.as_str()]);
        let metadata = Run::cargo("metadata --locked --format-version 1").args(platforms).output()?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let packages = metadata["packages"].as_array().context("cargo names no packages")?;
        let directory = |package: &serde_json::Value| {
            let text = |name: &str| package[name].as_str().map(str::to_owned);
            let of = Crate { name: text("name")?, version: text("version")? };
            Some((of, PathBuf::from(text("manifest_path")?).parent()?.to_owned()))
        };
        Ok(packages.iter().filter_map(directory).collect())
    }
}

/// A line of the tree, `name v1.2.3 (…)|license`; nothing for our own, which have a path, and for an empty one.
fn entry(line: &str) -> Option<(Crate, String)> {
    let (package, license) = line.split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let is_ours = words.any(|word| word.starts_with("(/") || word.contains(":\\"));
    let license = license.trim_end_matches("(*)").trim_end();
    (!is_ours).then(|| (Crate { name: name.to_owned(), version: version.to_owned() }, license.to_owned()))
}

#[cfg(test)]
mod tests;
