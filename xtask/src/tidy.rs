//! `cargo tidy`: the rules of the house that no compiler checks.
//!
//! Each rule is a pure function from the [`Tree`] to [`Finding`]s, so a test can show it a bad example. A finding
//! says where, what, and what to do about it. What is guaranteed is what the rules can see: SQL, for one, is
//! recognised in string literals by its first words, not parsed.

mod crates;
mod files;
mod links;
mod migrations;
mod secrets;
mod source;
mod sql;
mod tree;

use std::{fmt, path::Path};

use anyhow::bail;

pub(crate) use tree::Tree;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Checks the tree under `root`, and prints what is wrong with it.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let tree = Tree::load(root)?;
    let findings = check(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy: {} of the rules above are not kept", findings.len());
    }
    println!("tidy: {} files keep the rules", tree.files.len());
    Ok(())
}

/// Every rule, on every file.
fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(crates::check(tree));
    findings.extend(files::check(tree));
    findings.extend(links::check(tree));
    findings.extend(migrations::check(tree));
    for file in tree.with_extension("rs") {
        match source::Source::parse(&file.text) {
            Ok(source) => {
                findings.extend(files::check_source(file, &source));
                findings.extend(secrets::check(file, &source));
                findings.extend(sql::check(file, &source));
            }
            Err(error) => findings.push(Finding::new(&file.path, error.line, error.message)),
        }
    }
    findings.sort();
    findings
}

#[cfg(test)]
mod tests;
