//! Which crate may know which: the table that the architecture stands on.
//!
//! Only `[dependencies]` count, for every target; what a crate needs for its tests is its own affair.

use toml::{Table, Value};

use super::{Finding, Tree, tree::File};

/// One crate of the workspace.
struct Rule {
    directory: &'static str,
    /// The crates of ours that it may depend on.
    may_use: &'static [&'static str],
    /// What it must not know, by the crates that would tell it.
    must_not_know: &'static [(&'static str, &'static [&'static str])],
}

const RUNTIME: (&str, &[&str]) = ("the async runtime", &["tokio", "tokio-util", "futures-util"]);
const SQL: (&str, &[&str]) =
    ("SQL", &["tokio-postgres", "deadpool-postgres", "refinery", "postgres-protocol", "rusqlite"]);
/// SQLite is a file format to the spool. A database server is not its business.
const SQL_SERVER: (&str, &[&str]) =
    ("a database server", &["tokio-postgres", "deadpool-postgres", "refinery", "postgres-protocol"]);
const HTTP: (&str, &[&str]) =
    ("HTTP", &["http", "http-body", "hyper", "hyper-util", "axum", "hyper-rustls", "reqwest"]);

const RULES: [Rule; 14] = [
    Rule { directory: "crates/domain", may_use: &[], must_not_know: &[RUNTIME, SQL, HTTP] },
    Rule { directory: "crates/embedded-postgres", may_use: &[], must_not_know: &[HTTP] },
    Rule { directory: "crates/failpoints", may_use: &[], must_not_know: &[RUNTIME, SQL, HTTP] },
    Rule { directory: "crates/spool", may_use: &["failpoints"], must_not_know: &[SQL_SERVER, HTTP] },
    Rule { directory: "crates/store", may_use: &["domain"], must_not_know: &[HTTP] },
    Rule { directory: "crates/gateway", may_use: &["domain", "failpoints"], must_not_know: &[SQL] },
    Rule {
        directory: "crates/metering",
        may_use: &["domain", "failpoints", "spool", "store"],
        must_not_know: &[SQL, HTTP],
    },
    // It must not know what carries requests: it manages and reports, also where no gateway runs.
    Rule { directory: "crates/admin", may_use: &["domain", "store", "metering"], must_not_know: &[SQL] },
    Rule {
        directory: "crates/server",
        may_use: &[
            "admin",
            "domain",
            "failpoints",
            "spool",
            "store",
            "gateway",
            "metering",
            "embedded-postgres",
        ],
        must_not_know: &[SQL],
    },
    Rule {
        directory: "crates/testkit",
        may_use: &["domain", "store", "embedded-postgres"],
        must_not_know: &[],
    },
    Rule { directory: "crates/crash-test", may_use: &["failpoints", "testkit"], must_not_know: &[] },
    // Its SQL is testkit's, so that what it measures is what `store` does.
    Rule {
        directory: "crates/bench",
        may_use: &["domain", "spool", "store", "gateway", "metering", "embedded-postgres", "testkit"],
        must_not_know: &[SQL],
    },
    // What it tests of the gateway and the spool, it compiles from their files; all that they stand on stays out.
    Rule { directory: "fuzz", may_use: &["domain"], must_not_know: &[RUNTIME, SQL, HTTP] },
    Rule { directory: "xtask", may_use: &["testkit", "embedded-postgres"], must_not_know: &[SQL] },
];
/// What our crates are called: this, then the name of their directory.
const PREFIX: &str = "tollgate-";

/// The findings of every manifest, and the crates without a README.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.with_extension("toml") {
        let Some(directory) = manifest.path.strip_suffix("/Cargo.toml") else { continue };
        let readme = format!("{directory}/README.md");
        if !tree.contains(&readme) {
            findings.push(Finding::new(
                &manifest.path,
                1,
                format!("write {readme}: what the crate is for, what it guarantees, what it does not"),
            ));
        }
        match RULES.iter().find(|rule| rule.directory == directory) {
            Some(rule) => findings.extend(check_manifest(manifest, rule)),
            None => findings.push(Finding::new(
                &manifest.path,
                1,
                "a crate that the table in xtask/src/tidy/crates.rs does not know: add it there, with what it may use",
            )),
        }
    }
    findings
}

fn check_manifest(manifest: &File, rule: &Rule) -> Vec<Finding> {
    let parsed: Table = match manifest.text.parse() {
        Ok(parsed) => parsed,
        Err(error) => return vec![Finding::new(&manifest.path, 1, format!("is no TOML: {error}"))],
    };
    let mut findings = Vec::new();
    for name in dependencies(&parsed) {
        let line = line_of(&manifest.text, &name);
        let mut say = |message: String| findings.push(Finding::new(&manifest.path, line, message));
        if let Some(ours) = name.strip_prefix(PREFIX) {
            if !rule.may_use.contains(&ours) {
                let may = if rule.may_use.is_empty() {
                    "none of our crates".into()
                } else {
                    rule.may_use.join(", ")
                };
                say(format!("{} must not depend on {ours} (it may use: {may})", rule.directory));
            }
            continue;
        }
        for (subject, names) in rule.must_not_know {
            if names.contains(&name.as_str()) {
                say(format!(
                    "{} must not know {subject}: take `{name}` out of [dependencies]",
                    rule.directory
                ));
            }
        }
    }
    findings
}

/// Names of the packages under `[dependencies]` and `[target.….dependencies]`.
fn dependencies(manifest: &Table) -> Vec<String> {
    let of = |table: &Table| {
        let dependencies = table.get("dependencies").and_then(Value::as_table).cloned().unwrap_or_default();
        dependencies
            .into_iter()
            .map(|(key, value)| value.get("package").and_then(Value::as_str).map_or(key, str::to_owned))
    };
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let mut names: Vec<String> = of(manifest).collect();
    names.extend(targets.filter_map(Value::as_table).flat_map(of));
    names
}

fn line_of(text: &str, name: &str) -> usize {
    text.lines().position(|line| line.starts_with(name)).map_or(1, |index| index.saturating_add(1))
}
