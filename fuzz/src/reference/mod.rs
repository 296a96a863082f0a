//! The same questions answered slowly: whole inputs, no state between chunks, a parsed tree where the product scans bytes.

pub(crate) mod event_stream;
pub(crate) mod form;
pub(crate) mod request;
pub(crate) mod usage;
