//! One target each, named as `cargo fuzz-test --target` names it.

pub(crate) mod encoded;
pub(crate) mod multipart;
pub(crate) mod request;
pub(crate) mod spool;
pub(crate) mod sse;
pub(crate) mod usage;
