#![doc = include_str!("../README.md")]

mod api_keys;
mod app;
mod audit_log;
mod caller;
mod config;
mod credits;
mod document;
mod endpoints;
mod extract;
mod idempotency;
mod listen;
mod models;
mod openrouter;
mod organization;
mod page;
mod problem;
mod quarantine;
mod receipts;
mod reports;
mod serve;
mod sign_in;
mod table;
mod tariffs;
mod unrated;
mod upstream_url;
mod usage;
mod users;

pub use app::{Admin, EndpointCheck};
pub use caller::{Means, Role};
pub use config::{AdminConfig, DEFAULT_LISTEN};
pub use document::OPENAPI_PATH;
pub use listen::{ListenError, bind};
pub use problem::{Kind, Problem, ProblemDetails};
pub use sign_in::links::sign_in_link;
pub use table::{Access, MAX_BODY_BYTES, doors};
pub use upstream_url::{Resolve, Resolving, resolve_by_system};
