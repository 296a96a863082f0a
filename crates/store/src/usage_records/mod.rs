//! `usage_records`: one narrow row per request, which is its own ledger entry.
//!
//! Three ways in. [`copy`] is the quick one and fails as a whole when any row is there already; [`insert`] (small
//! batches) and [`insert_staged`] (large ones) skip rows that are there and say which went in. Effects
//! (balances, rollups) may come only from rows that went in. Rows are never edited, but for `unrated` → `charged` or
//! `free`, once, in [`settle`].

mod decode;
mod encode;
mod read;
mod scan;
mod write;

use tollgate_domain::{CorrelationId, RecordDigest, StatedUsage, UsageSource, UsageState};

pub use read::{count_unrated, find, last_correlation_id, stored_digests, unrated_page};
pub use scan::{KeyRange, Slice, scan, scan_keys, slices};
pub(crate) use write::Columns;
pub use write::{Settlement, copy, insert, insert_new, insert_staged, settle};

use crate::utc::{UtcDay, UtcMicros};

/// Stated parts exceeded their whole and were clamped for pricing.
pub const FLAG_CLAMPED: i16 = 1;
/// The request failed: no 2xx, or an error inside a stream that began as one.
pub const FLAG_FAILED: i16 = 2;

/// Identity of a record. The order of its fields is the order of the primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// UTC day of admission; also the partition.
    pub day: UtcDay,
    /// The instance that minted the correlation id.
    pub instance_no: i32,
    /// Minted at admission.
    pub correlation_id: CorrelationId,
}

/// Token counts as stated, in the range of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageCounts {
    /// Every token that went in.
    pub prompt: Option<i32>,
    /// Every token that came out.
    pub completion: Option<i32>,
    /// The stated total.
    pub total: Option<i32>,
    /// Part of the completion.
    pub reasoning: i32,
    /// Part of the prompt.
    pub cache_read: i32,
    /// Part of the prompt.
    pub cache_write_5m: i32,
    /// Part of the prompt.
    pub cache_write_1h: i32,
    /// Part of the prompt.
    pub audio_input: i32,
    /// Part of the completion.
    pub audio_output: i32,
    /// Part of the prompt.
    pub image_input: i32,
}

impl UsageCounts {
    /// The counts in the domain's form.
    pub fn to_stated(&self) -> StatedUsage {
        StatedUsage {
            prompt_tokens: self.prompt.map(i64::from),
            completion_tokens: self.completion.map(i64::from),
            total_tokens: self.total.map(i64::from),
            reasoning_tokens: self.reasoning.into(),
            cache_read_tokens: self.cache_read.into(),
            cache_write_5m_tokens: self.cache_write_5m.into(),
            cache_write_1h_tokens: self.cache_write_1h.into(),
            audio_input_tokens: self.audio_input.into(),
            audio_output_tokens: self.audio_output.into(),
            image_input_tokens: self.image_input.into(),
        }
    }
}

/// One row of `usage_records`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Identity.
    pub key: RecordKey,
    /// Start of the request.
    pub requested_at: UtcMicros,
    /// When its batch was created; then the time it is priced at.
    pub batch_created_at: Option<UtcMicros>,
    /// What is taken from the balance, in 10⁻¹² credit.
    pub amount_pico: i64,
    /// By which a replay is told from a conflict.
    pub raw_digest: RecordDigest,
    /// By which tampering is found.
    pub rated_digest: RecordDigest,
    /// Who pays.
    pub user_no: Option<i32>,
    /// With which key.
    pub key_no: Option<i32>,
    /// For which model.
    pub model_no: Option<i32>,
    /// At which prices.
    pub tariff_no: Option<i32>,
    /// As of which version of all prices.
    pub pricing_epoch: i32,
    /// What repeats; see [`crate::usage_dimensions`].
    pub dimensions_no: i32,
    /// First byte in to last byte out.
    pub duration_ms: i32,
    /// First byte in to first byte of content out.
    pub first_byte_ms: Option<i32>,
    /// Token counts as stated.
    pub counts: UsageCounts,
    /// HTTP status.
    pub status_code: i16,
    /// [`FLAG_CLAMPED`], [`FLAG_FAILED`].
    pub flags: i16,
    /// The one state it is in.
    pub state: UsageState,
    /// Where the token counts come from.
    pub usage_source: UsageSource,
}

/// A row as a scan finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedRow {
    /// The row.
    pub row: UsageRow,
    /// Whether its state is one of the four. Where it is not, somebody dropped a constraint, and `row.state` says nothing.
    pub has_known_state: bool,
    /// The transaction that wrote this version of the row: the lower half of its id.
    pub xid: u32,
}

/// The state's letter in the table.
pub const fn state_letter(state: UsageState) -> u8 {
    match state {
        UsageState::Charged => b'c',
        UsageState::Free => b'f',
        UsageState::Unrated => b'u',
        UsageState::Voided => b'v',
    }
}

/// The letter of a usage source in the table.
pub const fn source_letter(source: UsageSource) -> u8 {
    match source {
        UsageSource::Provider => b'p',
        UsageSource::Estimated => b'e',
        UsageSource::None => b'n',
    }
}

/// A detail count of zero is stored as null, which takes no room.
fn present(count: i32) -> Option<i32> {
    (count != 0).then_some(count)
}
