#![doc = include_str!("../README.md")]
// The modules under test bring unit tests that need what their own crates have for them. `--all-targets` would build those here.
#![cfg(not(test))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a property that does not hold is told by a panic")]

#[path = "../../crates/gateway/src/request_body/adapter.rs"]
#[expect(dead_code, reason = "what only the rest of the gateway calls")]
mod adapter;
#[path = "../../crates/spool/src/group/mod.rs"]
#[expect(unreachable_pub, reason = "its own crate exports some of it")]
mod group;
#[path = "../../crates/gateway/src/usage/mod.rs"]
#[expect(dead_code, reason = "what only the rest of the gateway calls")]
pub mod usage;
#[path = "../../crates/gateway/src/wire/mod.rs"]
#[expect(dead_code, reason = "what only the rest of the gateway calls")]
pub mod wire;

// The gateway's estimates call the vocabularies of `bpe-openai`, which take a minute to build. Here their names lead to `vocabulary`.
extern crate self as bpe_openai;
pub use vocabulary::{cl100k_base, o200k_base};

mod input;
mod reference;
mod tapping;
mod targets;
mod vocabulary;

/// A property that holds for every input: it returns, or panics where it does not hold.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also the name of its directory in `seeds/`.
pub const TARGETS: [(&str, Property); 6] = [
    ("sse", targets::sse::run),
    ("usage", targets::usage::run),
    ("encoded", targets::encoded::run),
    ("request", targets::request::run),
    ("multipart", targets::multipart::run),
    ("spool", targets::spool::run),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Property> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, property)| *property)
}
