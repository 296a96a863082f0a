//! Reading usage from a response while its bytes pass.
//!
//! [`tap::ResponseTap`] is what a forwarder drives; under it lie the content decoding ([`decode`]), the SSE
//! splitter ([`sse`]), an incremental reader of large JSON bodies and the wire formats ([`extract`]). Bytes are
//! never rewritten; one frame may be left out, the usage chunk that only we asked for. [`estimate`] counts
//! tokens where a provider stated none.
//!
//! Memory per response is bounded by named constants, whatever the provider sends.

mod capsule;
#[cfg(test)]
mod corpus;
pub mod decode;
#[cfg(test)]
mod dialects;
pub mod estimate;
pub mod extract;
mod lenient;
mod observed;
mod reader;
pub mod sse;
pub mod tap;
mod text;

pub use observed::{Observed, ObservedFlags};
