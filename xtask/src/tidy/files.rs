//! What every file keeps: its size, its opening words, and no unfinished work.

use super::{Finding, Tree, source::Source, tree::File};

/// Past this a Rust file is cut along the grain.
const MAX_RUST_LINES: usize = 600;
/// Past this a file is data, and belongs beside the repository or is made when needed.
const MAX_BYTES: u64 = 1024 * 1024;
/// Notes to oneself, spelled so that this file does not hold them.
const UNFINISHED: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X:")];
/// Where unfinished work is looked for.
const SOURCES: [&str; 9] = ["rs", "sql", "ts", "tsx", "js", "mjs", "py", "sh", "toml"];
/// Macros that stand for work not done.
const UNFINISHED_MACROS: [&str; 2] = ["todo", "unimplemented"];
/// Paths by which `domain` could tell the time by itself.
const WALL_CLOCKS: [&str; 5] = ["Timestamp", "Zoned", "SystemTime", "Instant", "Utc"];

/// The findings that need no tokens.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        if file.bytes > MAX_BYTES {
            let message = format!(
                "has {} bytes; the most is {MAX_BYTES}: make it when needed, or leave it out",
                file.bytes
            );
            findings.push(Finding::new(&file.path, 1, message));
        }
        let extension = file.path.rsplit('.').next().unwrap_or_default();
        if SOURCES.contains(&extension) {
            findings.extend(unfinished_notes(file));
        }
        if extension == "rs" {
            findings.extend(check_rust_text(file));
        }
    }
    findings
}

fn unfinished_notes(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().zip(1_usize..);
    lines
        .filter_map(|(line, number)| {
            let note = UNFINISHED.iter().find(|note| line.contains(**note))?;
            Some(Finding::new(
                &file.path,
                number,
                format!("{note}: do it now, or open an issue and take the note out"),
            ))
        })
        .collect()
}

fn check_rust_text(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > MAX_RUST_LINES {
        findings.push(Finding::new(
            &file.path,
            MAX_RUST_LINES,
            format!("has {lines} lines; the most is {MAX_RUST_LINES}: cut it along the grain"),
        ));
    }
    // Unit tests in `foo/tests.rs` are described by the module they test.
    let described = file.text.starts_with("//!") || file.text.starts_with("#![doc = include_str!(");
    if !described && !file.path.ends_with("/tests.rs") {
        findings.push(Finding::new(
            &file.path,
            1,
            "open the module with `//!`: what it does, why it is there, what it guarantees and what not",
        ));
    }
    findings
}

/// The findings that need tokens.
pub(crate) fn check_source(file: &File, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |line: usize, message: String| findings.push(Finding::new(&file.path, line, message));
    for found in source.macros.iter().filter(|found| UNFINISHED_MACROS.contains(&found.what.as_str())) {
        say(
            found.line,
            format!(
                "`{}!` stands for work not done: do it, or return an error that says what is missing",
                found.what
            ),
        );
    }
    for found in &source.bare_ignores {
        say(
            found.line,
            "an ignored test needs its reason: `#[ignore = \"why, and what runs it\"]`".to_owned(),
        );
    }
    if file.path.starts_with("crates/domain/src/") {
        for found in source
            .paths
            .iter()
            .filter(|found| found.what.1 == "now" && WALL_CLOCKS.contains(&found.what.0.as_str()))
        {
            say(
                found.line,
                format!(
                    "`{}::now` in domain: time is passed in, take a `Clock` or a `Timestamp`",
                    found.what.0
                ),
            );
        }
    }
    findings
}
