#![doc = include_str!("../README.md")]

mod binaries;
mod error;
pub mod fetch;
mod identity;
mod layout;
mod lock;
mod orphan;
mod server;
mod supervise;

pub use binaries::{Binaries, cache_dir};
pub use error::Error;
pub use server::{EmbeddedPostgres, Halt, Options, connection_string_of_running, destroy};
