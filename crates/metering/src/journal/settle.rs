//! Requests that the end of their gateway interrupted: their last word, by policy.

use tollgate_domain::{Outcome, RawAnalyticsRecord, StatedUsage, UsageSource};

use super::config::OnInterrupted;
use super::wire::Admitted;

/// What is recorded as the status of a request whose gateway ended: its own failure.
const STATUS: i32 = 500;
/// Bytes of a request's body for one token of its prompt, as providers state it for English text. JSON around it makes the
/// estimate a little high, other scripts make it low.
const BYTES_PER_TOKEN: u64 = 4;

/// The record that ends an interrupted request.
pub(super) fn settle(admitted: Admitted, policy: OnInterrupted) -> RawAnalyticsRecord {
    let Admitted { mut record, body_bytes } = admitted;
    record.outcome = Outcome::Interrupted;
    record.status_code = STATUS;
    record.usage = StatedUsage::default();
    record.usage_source = UsageSource::None;
    if let (OnInterrupted::Estimate, Some(bytes)) = (policy, body_bytes) {
        let tokens = bytes.div_ceil(BYTES_PER_TOKEN);
        record.usage = StatedUsage {
            prompt_tokens: Some(i64::try_from(tokens).unwrap_or(i64::MAX).min(i64::from(i32::MAX))),
            ..StatedUsage::default()
        };
        record.usage_source = UsageSource::Estimated;
    }
    record
}
