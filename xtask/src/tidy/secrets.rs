//! Secrets are compared in one way: by `subtle`'s `ct_eq`, whose time says nothing, in the few places that are listed, and never by `==`.
//!
//! What is looked up by a guess is looked up by its keyed digest, a type of its own that compares so. What is left are texts and bytes that have
//! a secret's name: an operand of `==` or `!=` that is called `secret`, `csrf_token`, `signature` and the like, or that was taken out of a type that
//! hides it (`expose_secret`). What a rule of names cannot see is a secret that somebody calls otherwise.

use super::{Finding, source::Source, tree::File};

/// Where secrets, or what was made of them, are compared at all, and what.
const PLACES: [(&str, &str); 5] = [
    ("crates/domain/src/credential.rs", "digests by which keys, sessions and sign-in codes are looked up"),
    ("crates/admin/src/page.rs", "the digest of a cursor"),
    ("crates/admin/src/sign_in/secrets.rs", "the token of a session"),
    ("crates/admin/src/sign_in/oidc/flow.rs", "the state of a sign-in through a provider"),
    ("crates/admin/src/sign_in/oidc/id_token.rs", "its nonce"),
];

/// Where two secrets of one request are compared with each other: whoever sent it knows both.
const OF_ONE_SENDER: [&str; 2] = ["crates/gateway/src/admit/credential.rs", "crates/admin/src/caller.rs"];

/// The last part of a name that is a secret's.
const NAMES: [&str; 12] = [
    "secret",
    "secrets",
    "expose_secret",
    "expose",
    "csrf_token",
    "session_token",
    "signature",
    "mac",
    "hmac",
    "pepper",
    "password",
    "credential",
];

/// The findings of one file.
pub(crate) fn check(file: &File, source: &Source) -> Vec<Finding> {
    if file.is_test() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for method in source.methods.iter().filter(|method| !method.in_test && method.what == "ct_eq") {
        if !PLACES.iter().any(|(place, _)| *place == file.path) {
            let message = "another place where secrets are compared: look it up by a keyed digest, or list it in xtask/src/tidy/secrets.rs";
            findings.push(Finding::new(&file.path, method.line, message));
        }
    }
    if OF_ONE_SENDER.contains(&file.path.as_str()) {
        return findings;
    }
    for compared in source.compared.iter().filter(|compared| !compared.in_test) {
        if let Some(name) = compared.what.iter().find(|name| is_a_secrets(name)) {
            let message = format!(
                "`{name}` is compared by `==`, which ends at the first byte that differs: look it up by its keyed digest, or compare by `ct_eq`"
            );
            findings.push(Finding::new(&file.path, compared.line, message));
        }
    }
    findings
}

fn is_a_secrets(name: &str) -> bool {
    NAMES.contains(&name)
        || name.ends_with("_secret")
        || name.ends_with("_password")
        || name.ends_with("_signature")
}
