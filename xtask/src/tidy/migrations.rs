//! Migrations are numbered one after the other.
//!
//! A database that has had a migration refuses another one of its number, or of a lower one: what is put into a gap later stops every server
//! that was there before.

use std::collections::BTreeMap;

use super::{Finding, Tree, tree::File};

const DIRECTORY: &str = "crates/store/migrations/";

/// The findings of all migrations together.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_number = BTreeMap::<u32, &File>::new();
    for file in &tree.files {
        let Some(name) = file.path.strip_prefix(DIRECTORY) else { continue };
        let mut say = |message: String| findings.push(Finding::new(&file.path, 1, message));
        let Some(number) = number(name) else {
            say("is no name of a migration: write it like V12__what_it_is_about.sql".to_owned());
            continue;
        };
        if let Some(other) = by_number.insert(number, file) {
            say(format!("{} has the number {number} as well: take the next one that is free", other.path));
        }
    }
    for ((number, file), expected) in by_number.into_iter().zip(1..) {
        if number != expected {
            let message =
                format!("number {expected} is missing below it: the numbers of migrations have no gaps");
            findings.push(Finding::new(&file.path, 1, message));
            break;
        }
    }
    findings
}

/// The 12 of `V12__what_it_is_about.sql`.
fn number(name: &str) -> Option<u32> {
    let (number, about) = name.strip_prefix('V')?.strip_suffix(".sql")?.split_once("__")?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    number.parse().ok().filter(|_| is_plain && !about.is_empty())
}
