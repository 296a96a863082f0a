//! SQL lives in `store`, and transactions start in `store::tx`.
//!
//! A heuristic on string literals: a text that begins as a statement does, or holds what only SQL says. Tests may
//! ask the database anything.

use super::{
    Finding,
    source::{Source, Text},
    tree::File,
};

/// Where SQL may stand beside tests, and why.
const MAY_SPEAK_SQL: [(&str, &str); 7] = [
    ("xtask/src/tidy/sql.rs", "it names what it looks for"),
    ("crates/store/", "it is the one place for it"),
    ("crates/spool/", "it speaks to its own SQLite file, never to the database"),
    ("crates/testkit/", "it makes databases for tests, and looks at the books behind the back of `store`"),
    ("crates/admin/examples/report-bench/", "it fills a database of its own with sums by the million"),
    ("crates/crash-test/", "it reads the books behind the back of `store`"),
    ("crates/embedded-postgres/", "it makes the database before there is a `store` to connect to it"),
];
/// Where transactions may start.
const MAY_START_TRANSACTIONS: [&str; 4] = [
    "crates/store/src/tx.rs",
    "crates/store/src/tx/",
    "crates/spool/src/database.rs",
    "xtask/src/tidy/sql.rs",
];
/// Functions that send their text to a database.
const ASKS_A_DATABASE: [&str; 9] = [
    "execute",
    "batch_execute",
    "simple_query",
    "query",
    "query_one",
    "query_opt",
    "query_raw",
    "query_typed",
    "prepare",
];

/// The findings of one file.
pub(crate) fn check(file: &File, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let transactions_allowed = MAY_START_TRANSACTIONS.iter().any(|allowed| file.path.starts_with(allowed));
    let sql_allowed = MAY_SPEAK_SQL.iter().any(|(allowed, _)| file.path.starts_with(allowed));
    for text in source.texts.iter().filter(|text| !text.in_test && !file.is_test()) {
        let sql = normalized(&text.what.text);
        if is_transaction_control(&sql, &text.what) {
            if !transactions_allowed {
                findings.push(starts_transaction(file, text.line));
            }
        } else if !sql_allowed && is_sql(&sql) {
            findings.push(Finding::new(
                &file.path,
                text.line,
                format!(
                    "SQL outside `crates/store` (`{}…`): put it into a function of the table's own file there, or \
                     reword the text if it is none",
                    sql.chars().take(40).collect::<String>()
                ),
            ));
        }
    }
    let starts = source
        .methods
        .iter()
        .filter(|method| matches!(method.what.as_str(), "transaction" | "build_transaction"));
    for method in starts.filter(|method| !method.in_test && !file.is_test() && !transactions_allowed) {
        findings.push(starts_transaction(file, method.line));
    }
    findings
}

fn starts_transaction(file: &File, line: usize) -> Finding {
    Finding::new(
        &file.path,
        line,
        "a transaction outside `store::tx`: use `store.tx(\"name\", …)`, which names, measures and retries it",
    )
}

/// In lower case, with one space between words.
fn normalized(text: &str) -> String {
    let plain = text.replace("\\n", " ").replace("\\\n", " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// `begin`, `commit`, `rollback` and their longer forms. The bare words are also English: they count where they are
/// sent to a database.
fn is_transaction_control(sql: &str, text: &Text) -> bool {
    let first = sql.split(';').next().unwrap_or_default().trim_end();
    let sent = text.argument_of.as_deref().is_some_and(|function| ASKS_A_DATABASE.contains(&function));
    let bare = ["begin", "commit", "rollback"].contains(&first);
    let long = [
        "start transaction",
        "begin transaction",
        "begin work",
        "begin isolation",
        "begin read",
        "savepoint ",
    ]
    .iter()
    .any(|start| sql.starts_with(start));
    long || bare && (sent || sql.contains(';'))
}

/// Whether the text begins as a statement, or says what only SQL says.
fn is_sql(sql: &str) -> bool {
    const STARTS: [&str; 21] = [
        "insert into ",
        "delete from ",
        "truncate table ",
        "create table ",
        "create temp",
        "create index ",
        "create unique index ",
        "create view ",
        "create database ",
        "create role ",
        "create function ",
        "create trigger ",
        "create or replace ",
        "alter table ",
        "alter database ",
        "alter role ",
        "drop table ",
        "drop database ",
        "drop index ",
        "lock table ",
        "set local ",
    ];
    const ANYWHERE: [&str; 6] = [
        " on conflict do ",
        "pg_advisory",
        "pg_notify(",
        "pg_current_xact_id",
        " for update skip",
        " = any($",
    ];
    let starts_with = |start: &str, needed: &[&str]| {
        sql.starts_with(start) && needed.iter().any(|needed| sql.contains(needed))
    };
    STARTS.iter().any(|start| sql.starts_with(start))
        || ANYWHERE.iter().any(|part| sql.contains(part))
        || starts_with("select ", &[" from ", "(", "select 1"])
        || starts_with("update ", &[" set "])
        || starts_with("with ", &[" as (", " as materialized ("])
        || starts_with("copy ", &["from stdin", "to stdout", "(format"])
        || sql.contains(" where ") && sql.contains("$1")
        || sql.strip_prefix("listen ").is_some_and(|channel| channel.len() > 2 && !channel.contains(' '))
}
