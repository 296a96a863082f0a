use super::*;

/// The one finding of a tree, as `path:line: message`; the tree is otherwise as it should be.
#[track_caller]
fn only_finding<const N: usize>(files: [(&str, &str); N]) -> String {
    let findings = check(&Tree::from(files));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings[0].to_string()
}

#[track_caller]
fn assert_tidy<const N: usize>(files: [(&str, &str); N]) {
    let findings = check(&Tree::from(files));
    assert!(findings.is_empty(), "{findings:#?}");
}

/// A file of `gateway` with this body.
fn in_gateway(body: &str) -> String {
    format!("//! Gateway.\n{body}\n")
}

#[track_caller]
fn finding_in_gateway(body: &str) -> String {
    only_finding([("crates/gateway/src/x.rs", &in_gateway(body))])
}

#[test]
fn this_repository_is_tidy() {
    let root = crate::repository();
    let tree = Tree::load(&root).unwrap();
    assert!(
        tree.contains("Cargo.toml") && tree.contains("crates/domain/src"),
        "{} is not the repository",
        root.display()
    );
    let findings: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "`cargo tidy` finds:\n{}", findings.join("\n"));
}

#[test]
fn a_crate_that_depends_on_what_it_must_not_know_is_found() {
    let manifest =
        "[package]\n[dependencies]\ntollgate-domain.workspace = true\ntollgate-store.workspace = true\n";
    let found = only_finding([("crates/gateway/Cargo.toml", manifest), ("crates/gateway/README.md", "")]);
    assert!(
        found.starts_with("crates/gateway/Cargo.toml:4: crates/gateway must not depend on store"),
        "{found}"
    );
}

#[test]
fn a_renamed_or_target_specific_dependency_is_found_too() {
    let renamed = "[dependencies]\nbooks = { package = \"tollgate-store\", path = \"../store\" }\n";
    let found = only_finding([("crates/domain/Cargo.toml", renamed), ("crates/domain/README.md", "")]);
    assert!(found.contains("must not depend on store"), "{found}");
    let targeted = "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true\n";
    let found = only_finding([("crates/domain/Cargo.toml", targeted), ("crates/domain/README.md", "")]);
    assert!(found.contains("must not know the async runtime"), "{found}");
}

#[test]
fn a_dev_dependency_is_free() {
    let manifest = "[dev-dependencies]\ntollgate-testkit.workspace = true\ntokio.workspace = true\n";
    assert_tidy([("crates/domain/Cargo.toml", manifest), ("crates/domain/README.md", "")]);
}

#[test]
fn a_crate_outside_the_table_is_found() {
    let found = only_finding([("crates/utils/Cargo.toml", ""), ("crates/utils/README.md", "")]);
    assert!(found.contains("does not know: add it"), "{found}");
}

#[test]
fn a_crate_without_a_readme_is_found() {
    let found = only_finding([("crates/domain/Cargo.toml", "")]);
    assert!(found.contains("write crates/domain/README.md"), "{found}");
}

#[test]
fn sql_outside_store_is_found() {
    for sql in [
        "SELECT id\n  FROM users WHERE id = $1",
        "insert into users values ($1)",
        "update users\\nset name = $1",
        "delete from users",
        "with gone as (delete from users returning id) select 1 from gone",
        "copy usage_records from stdin (format binary)",
        "listen auth_config_changed",
        "create table users (id uuid)",
    ] {
        let found = finding_in_gateway(&format!("fn f() -> &'static str {{\n    \"{sql}\"\n}}"));
        assert!(found.starts_with("crates/gateway/src/x.rs:3: SQL outside `crates/store`"), "{sql}: {found}");
    }
    let raw = finding_in_gateway("const Q: &str = r#\"select \"id\" from users\"#;");
    assert!(raw.contains("SQL outside"), "{raw}");
    let in_macro = finding_in_gateway("fn f() { g(format!(\"delete from {}\", 1)); }");
    assert!(in_macro.contains("SQL outside"), "{in_macro}");
}

#[test]
fn english_is_not_sql() {
    for text in [
        "select a key",
        "update the tariff",
        "listen on 127.0.0.1:8080",
        "with a key as owner",
        "begin",
        "commit",
    ] {
        assert_tidy([("crates/gateway/src/x.rs", &in_gateway(&format!("const T: &str = \"{text}\";")))]);
    }
    let comment = in_gateway("/// insert into users\n// begin;\nconst X: u8 = 1;");
    assert_tidy([("crates/gateway/src/x.rs", &comment)]);
}

#[test]
fn sql_in_store_and_in_tests_is_allowed() {
    let query = in_gateway("fn f() { q(\"select id from users\"); }");
    assert_tidy([("crates/store/src/users.rs", &query)]);
    assert_tidy([("crates/gateway/tests/it/main.rs", &query)]);
    assert_tidy([("crates/gateway/src/x/tests.rs", &query)]);
    let inline = "#[cfg(test)]\nmod tests {\n    fn f() { q(\"select id from users\"); }\n}";
    assert_tidy([("crates/gateway/src/x.rs", &in_gateway(inline))]);
}

#[test]
fn sql_after_a_test_module_is_found() {
    let body = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more {}\nfn f() { q(\"select id from users\"); }";
    assert!(finding_in_gateway(body).starts_with("crates/gateway/src/x.rs:6: SQL outside"));
}

#[test]
fn a_transaction_outside_tx_is_found() {
    for body in [
        "fn f() { client.transaction(); }",
        "fn f() { client.build_transaction(); }",
        "fn f() { client.batch_execute(\"BEGIN\"); }",
        "const T: &str = \"begin; select 1\";",
        "const T: &str = \"start transaction isolation level repeatable read\";",
    ] {
        let found = only_finding([("crates/store/src/users.rs", &in_gateway(body))]);
        assert!(found.contains("a transaction outside `store::tx`"), "{body}: {found}");
        assert_tidy([("crates/store/src/tx.rs", &in_gateway(body))]);
    }
}

#[test]
fn a_module_without_description_is_found() {
    let found = only_finding([("crates/gateway/src/x.rs", "use std::fmt;\n")]);
    assert!(found.starts_with("crates/gateway/src/x.rs:1: open the module with `//!`"), "{found}");
    assert_tidy([("crates/gateway/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n")]);
}

#[test]
fn a_rust_file_of_601_lines_is_found() {
    let body = |lines: usize| format!("//! Long.\n{}", "// x\n".repeat(lines - 1));
    assert_tidy([("crates/gateway/src/x.rs", &body(600))]);
    let found = only_finding([("crates/gateway/src/x.rs", &body(601))]);
    assert!(found.contains("has 601 lines; the most is 600"), "{found}");
}

#[test]
fn a_file_over_one_mebibyte_is_found() {
    let big = "x".repeat(1024 * 1024);
    assert_tidy([("docs/data.txt", &big)]);
    let found = only_finding([("docs/data.txt", &format!("{big}x"))]);
    assert!(found.contains("has 1048577 bytes"), "{found}");
}

#[test]
fn unfinished_work_is_found() {
    let note = finding_in_gateway(concat!("// FIX", "ME: later\nconst X: u8 = 1;"));
    assert!(note.starts_with("crates/gateway/src/x.rs:2:"), "{note}");
    let macro_call = finding_in_gateway("fn f() { todo!() }");
    assert!(macro_call.contains("`todo!` stands for work not done"), "{macro_call}");
}

#[test]
fn an_ignored_test_without_reason_is_found() {
    let found = finding_in_gateway("#[test]\n#[ignore]\nfn f() {}");
    assert!(found.starts_with("crates/gateway/src/x.rs:3: an ignored test needs its reason"), "{found}");
    assert_tidy([(
        "crates/gateway/src/x.rs",
        &in_gateway("#[test]\n#[ignore = \"needs a GPU\"]\nfn f() {}"),
    )]);
}

#[test]
fn the_wall_clock_in_domain_is_found() {
    for clock in ["jiff::Timestamp::now()", "std::time::Instant::now()", "SystemTime::now()"] {
        let body = format!("//! D.\nfn f() {{ {clock}; }}\n");
        let found = only_finding([("crates/domain/src/x.rs", &body)]);
        assert!(found.contains("time is passed in"), "{found}");
        assert_tidy([("crates/gateway/src/x.rs", &body)]);
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let found = only_finding([("docs/A.md", "see\n[the design](../DESIGN.md#money)\n")]);
    assert!(found.starts_with("docs/A.md:2: the link to `../DESIGN.md#money` leads nowhere"), "{found}");
    let code_text = only_finding([("docs/A.md", "[`charge`](charge.md)\n")]);
    assert!(code_text.contains("charge.md"), "{code_text}");
    let outside = only_finding([("A.md", "[x](../../etc)\n")]);
    assert!(outside.contains("leads nowhere"), "{outside}");
}

#[test]
fn links_that_lead_somewhere_are_fine() {
    let text = "[a](B.md) [b](../README.md#x) [c](https://example.org/x) [d](#here) [e](../docs/) [f](crate::Tariff)\n\
                ```\n[in code](nowhere.md)\n```\n`[in code](nowhere.md)`\n";
    assert_tidy([("docs/A.md", text), ("docs/B.md", ""), ("README.md", "")]);
}

#[test]
fn migrations_that_are_not_numbered_one_after_the_other_are_found() {
    const FIRST: (&str, &str) = ("crates/store/migrations/V1__users.sql", "");
    assert_tidy([FIRST, ("crates/store/migrations/V2__keys.sql", "")]);
    let gap = only_finding([FIRST, ("crates/store/migrations/V50__limits.sql", "")]);
    assert!(gap.starts_with("crates/store/migrations/V50__limits.sql:1: number 2 is missing"), "{gap}");
    let twice = only_finding([FIRST, ("crates/store/migrations/V1__keys.sql", "")]);
    assert!(twice.contains("has the number 1 as well"), "{twice}");
    for name in ["v2__keys.sql", "V2_keys.sql", "V2__.sql", "V02__keys.sql", "keys.sql"] {
        let unnamed = only_finding([FIRST, (&format!("crates/store/migrations/{name}"), "")]);
        assert!(unnamed.contains("is no name of a migration"), "{name}: {unnamed}");
    }
}

#[test]
fn what_is_no_rust_is_said() {
    let found = only_finding([("crates/gateway/src/x.rs", "//! X.\nfn f( {\n")]);
    assert!(found.contains("cannot be read as Rust"), "{found}");
}

#[test]
fn a_secret_that_is_compared_by_its_bytes_is_found() {
    for body in [
        "fn f(sent: &str, secret: &str) -> bool { sent == secret }",
        "fn f(a: &A, b: &B) -> bool { a.csrf_token.as_bytes() != b.0 }",
        "fn f(a: &A, b: &str) -> bool { b == a.key.expose_secret() }",
        "fn f(a: Option<&str>, webhook_secret: &str) -> bool { if a == Some(webhook_secret) { true } else { false } }",
        "fn f(a: &A) -> bool { a.sent.len() > 3 && a.signature == a.sent }",
        "fn f(a: &A) -> bool { a.secret.0 == a.sent }",
    ] {
        let found = finding_in_gateway(body);
        assert!(found.contains("ends at the first byte that differs"), "{body}: {found}");
    }
    let found = finding_in_gateway("fn f(a: &[u8], b: &[u8]) -> bool { a.ct_eq(b).into() }");
    assert!(found.contains("another place where secrets are compared"), "{found}");
}

#[test]
fn what_is_not_the_secret_itself_may_be_compared() {
    for body in [
        "fn f(secret: &str) -> bool { secret.len() == 3 && !secret.is_empty() }",
        "fn f(a: &A, b: &A) -> bool { a.secret_id == b.secret_id && a.digest == b.digest }",
        "fn f(a: Kind) -> bool { a == Kind::Secret }",
        "fn f(a: u32) { let secret = a <= 3; let b = secret; }",
        "#[cfg(test)] mod tests { fn f(a: &str, secret: &str) -> bool { a == secret } }",
    ] {
        assert_tidy([("crates/gateway/src/x.rs", &*in_gateway(body))]);
    }
}
