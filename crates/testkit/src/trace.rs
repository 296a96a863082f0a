//! The request trace of a real service: when requests came, and how large they were.

use std::{fs, path::Path};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Where the trace is in [`shared_dir`](crate::shared_dir).
pub const TRACE_FILE: &str = "traces/AzureLLMInferenceTrace_code.csv";

/// The trace's header; a file with another one is not what this reads.
const HEADER: &str = "TIMESTAMP,ContextTokens,GeneratedTokens";

/// One request of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceRequest {
    /// When it came, UTC, truncated to microseconds (the trace has tenths of those).
    pub at: Timestamp,
    /// Tokens in.
    pub prompt: i64,
    /// Tokens out.
    pub completion: i64,
}

/// Reads all of them, in the file's order, which is that of arrival.
pub fn read_trace(shared: &Path) -> Vec<TraceRequest> {
    let path = shared.join(TRACE_FILE);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines();
    assert_eq!(lines.next().map(str::trim), Some(HEADER), "{}", path.display());
    let parse = |(index, line): (usize, &str)| {
        read_line(line.trim()).unwrap_or_else(|| panic!("{} line {}: {line:?}", path.display(), index + 2))
    };
    lines.enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

fn read_line(line: &str) -> Option<TraceRequest> {
    let mut fields = line.split(',');
    let at: DateTime = fields.next()?.replace(' ', "T").parse().ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let request = TraceRequest {
        at: Timestamp::from_microsecond(at.as_microsecond()).ok()?,
        prompt: fields.next()?.parse().ok()?,
        completion: fields.next()?.parse().ok()?,
    };
    fields.next().is_none().then_some(request)
}
