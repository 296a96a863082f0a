//! Enrichment: from what a gateway saw to what the books hold. Pure: a record and a catalog in, a row or a named refusal out.

use tollgate_domain::{
    AccessSource, ApiKeyId, ApiKeyPurpose, Credential, Outcome, Rated, RatingError, RatingFacts,
    RawAnalyticsRecord, RecordDigest, RequestOrigin, StatedUsage,
};
use tollgate_store::catalog::{Catalog, CatalogKey, CatalogModel, CatalogTariff};
use tollgate_store::usage_records::{FLAG_CLAMPED, FLAG_FAILED, RecordKey, UsageCounts, UsageRow};
use tollgate_store::utc::{TimeOutOfRange, UtcMicros};

use crate::digest::DimensionsRef;

/// Longest text of a dimension, in bytes. Aliases, templates and models are far shorter; user agents that are longer say
/// nothing more.
pub const MAX_TEXT_BYTES: usize = 256;
/// Longest `custom_id` and `trace_id`, in bytes: they are the client's, and identify something there.
pub const MAX_DETAIL_BYTES: usize = 1024;

/// A gateway that reaches the database knows a tariff within this many seconds after it was made.
const KNOWN_WITHIN_S: u64 = 5;

/// Why the books cannot hold a record. The text becomes the reason in `quarantine`; it names fields, never contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// PostgreSQL's text cannot hold U+0000.
    #[error("{field} contains a NUL character, which PostgreSQL cannot store in text")]
    Nul {
        /// Which field.
        field: &'static str,
    },
    /// A number does not fit its column.
    #[error("{field} of {stated} is out of range ({least} to {most})")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What was stated.
        stated: i64,
        /// Smallest value.
        least: i64,
        /// Largest value.
        most: i64,
    },
    /// The token counts or the charge do not fit.
    #[error("{0}")]
    Rating(String),
    /// A time does not fit.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
    /// It was admitted with a key that this database never had; to charge nobody would lose money in silence.
    #[error(
        "it was admitted with the key {0}, which is not in this database; replay it once the key is there"
    )]
    UnknownKey(ApiKeyId),
}

impl From<RatingError> for Refusal {
    fn from(error: RatingError) -> Self {
        Self::Rating(error.to_string())
    }
}

/// What a record says once everything about it has been looked up.
#[derive(Debug, Clone)]
pub struct EnrichedRecord<'a> {
    /// As the gateway sent it.
    pub raw: &'a RawAnalyticsRecord,
    /// The key, and with it who pays.
    pub key: Option<&'a CatalogKey>,
    /// How the request was let in.
    pub access_source: AccessSource,
    /// Which product it belongs to.
    pub origin: RequestOrigin,
    /// The model.
    pub model: Option<&'a CatalogModel>,
    /// The tariff in force at the record's own time.
    pub tariff: Option<&'a CatalogTariff>,
    /// State and cost.
    pub rated: Rated,
    /// Whether anything was not found, so that a newer catalog might say more.
    pub missed: bool,
    usage: StatedUsage,
    flags: i16,
}

impl<'a> EnrichedRecord<'a> {
    /// Looks everything up in `catalog` and rates the record.
    pub fn new(raw: &'a RawAnalyticsRecord, catalog: &'a Catalog) -> Result<Self, Refusal> {
        let (key, access_source) = match &raw.credential {
            Credential::None => (None, AccessSource::Unauthenticated),
            // Honoured also when it has been revoked since.
            Credential::Key(id) => {
                (Some(catalog.keys.get(id).ok_or(Refusal::UnknownKey(*id))?), AccessSource::ApiKey)
            }
            Credential::Digest(digest) => match catalog.key_by_digest(digest).filter(|key| !key.revoked) {
                Some(key) => (Some(key), AccessSource::ApiKey),
                None => (None, AccessSource::UnknownApiKey),
            },
        };
        let model = match (raw.model_id, &raw.request_model) {
            (Some(id), _) => catalog.models.get(&id),
            (None, Some(alias)) => catalog.model_by_alias(alias),
            (None, None) => None,
        };
        let purpose = key.map(|key| key.purpose);
        // The window is looked up as it is stored, so that an audit finds the same tariff.
        let window = raw.batch.batch_completion_window.as_deref().map(shortened);
        let tariff = model.and_then(|model| model.best_tariff(purpose, window, raw.priced_at()));
        let facts = RatingFacts::of(raw, key.map(|key| key.user_id));
        let (rated, clamped) = facts.rate(tariff.map(|tariff| &tariff.tariff))?;
        let flags = if clamped { FLAG_CLAMPED } else { 0 } | if facts.is_failed() { FLAG_FAILED } else { 0 };
        Ok(Self {
            raw,
            key,
            access_source,
            origin: RequestOrigin::of(raw.batch.batch_id.is_some(), purpose),
            model,
            tariff,
            rated,
            missed: access_source == AccessSource::UnknownApiKey || model.is_none(),
            usage: facts.usage,
            flags,
        })
    }

    /// Whether its gateway may have held, and reckoned with, something else than the books charge: the process ended before the request
    /// did, or the tariff is newer than what the gateway had read.
    pub(crate) fn is_unheld(&self) -> bool {
        let made = self.tariff.and_then(|tariff| tariff.tariff.id.as_uuid().get_timestamp());
        let begun = u64::try_from(self.raw.timestamp.as_second()).unwrap_or(0);
        let is_news = |made: u64| made.saturating_add(KNOWN_WITHIN_S) >= begun;
        self.raw.outcome == Outcome::Interrupted || made.is_some_and(|made| is_news(made.to_unix().0))
    }

    /// The row, but for its two numbers and its digest, which the caller fills in.
    pub(crate) fn row(&self, raw_digest: RecordDigest, pricing_epoch: i32) -> Result<UsageRow, Refusal> {
        let raw = self.raw;
        let requested_at = UtcMicros::try_from(raw.timestamp)?;
        Ok(UsageRow {
            key: RecordKey { day: requested_at.day(), instance_no: 0, correlation_id: raw.correlation_id },
            requested_at,
            batch_created_at: raw.batch.batch_created_at.map(UtcMicros::try_from).transpose()?,
            amount_pico: i64::try_from(self.rated.amount.pico())
                .map_err(|_| Refusal::Rating("the charge is larger than one record holds".to_owned()))?,
            raw_digest,
            rated_digest: raw_digest,
            user_no: self.key.map(|key| key.user_no),
            key_no: self.key.map(|key| key.no),
            model_no: self.model.map(|model| model.no),
            tariff_no: self.tariff.map(|tariff| tariff.no),
            pricing_epoch,
            dimensions_no: 0,
            duration_ms: duration("duration_ms", raw.duration_ms)?,
            first_byte_ms: raw
                .duration_to_first_byte_ms
                .map(|stated| duration("duration_to_first_byte_ms", stated))
                .transpose()?,
            counts: counts(&self.usage)?,
            status_code: narrow("status_code", raw.status_code.into())?,
            flags: self.flags,
            state: self.rated.state,
            usage_source: raw.usage_source,
        })
    }

    /// What repeats about the record, shortened. Fails on a text that PostgreSQL cannot hold.
    pub(crate) fn dimensions(&self) -> Result<DimensionsRef<'_>, Refusal> {
        let raw = self.raw;
        let optional =
            |field, value: &'a Option<String>| value.as_deref().map(|value| text(field, value)).transpose();
        Ok(DimensionsRef {
            method: text("method", &raw.method)?,
            uri: text("uri", &raw.uri)?,
            request_model: optional("request_model", &raw.request_model)?,
            response_model: optional("response_model", &raw.response_model)?,
            response_type: text("response_type", &raw.response_type)?,
            finish_reason: optional("finish_reason", &raw.finish_reason)?,
            outcome: raw.outcome.as_str(),
            user_agent: optional("user_agent", &raw.user_agent)?,
            server_address: optional("server_address", &raw.server_address)?,
            server_port: raw.server_port,
            served_by: optional("served_by", &raw.served_by)?,
            provider_name: self.model.and_then(|model| model.provider_name.as_deref()).map(shortened),
            access_source: self.access_source.as_str(),
            api_key_purpose: self.key.map(|key| key.purpose).map(ApiKeyPurpose::as_str),
            request_origin: self.origin.as_str(),
            batch_completion_window: optional("batch_completion_window", &raw.batch.batch_completion_window)?,
            batch_request_source: optional("batch_request_source", &raw.batch.batch_request_source)?,
        })
    }
}

/// Counts in the range of their columns, which [`tollgate_domain::TokenUsage::split`] has checked.
fn counts(usage: &StatedUsage) -> Result<UsageCounts, Refusal> {
    let optional = |field, stated: Option<i64>| stated.map(|stated| narrow(field, stated)).transpose();
    Ok(UsageCounts {
        prompt: optional("prompt_tokens", usage.prompt_tokens)?,
        completion: optional("completion_tokens", usage.completion_tokens)?,
        total: optional("total_tokens", usage.total_tokens)?,
        reasoning: narrow("reasoning_tokens", usage.reasoning_tokens)?,
        cache_read: narrow("cache_read_tokens", usage.cache_read_tokens)?,
        cache_write_5m: narrow("cache_write_5m_tokens", usage.cache_write_5m_tokens)?,
        cache_write_1h: narrow("cache_write_1h_tokens", usage.cache_write_1h_tokens)?,
        audio_input: narrow("audio_input_tokens", usage.audio_input_tokens)?,
        audio_output: narrow("audio_output_tokens", usage.audio_output_tokens)?,
        image_input: narrow("image_input_tokens", usage.image_input_tokens)?,
    })
}

fn duration(field: &'static str, stated: i64) -> Result<i32, Refusal> {
    let out_of_range = Refusal::OutOfRange { field, stated, least: 0, most: i32::MAX.into() };
    narrow(field, stated).ok().filter(|duration| *duration >= 0).ok_or(out_of_range)
}

fn narrow<T>(field: &'static str, stated: i64) -> Result<T, Refusal>
where
    T: TryFrom<i64> + Bounded,
{
    T::try_from(stated).map_err(|_| Refusal::OutOfRange { field, stated, least: T::LEAST, most: T::MOST })
}

/// The range of a column's type, for the message.
trait Bounded {
    const LEAST: i64;
    const MOST: i64;
}

impl Bounded for i16 {
    const LEAST: i64 = -32_768;
    const MOST: i64 = 32_767;
}

impl Bounded for i32 {
    const LEAST: i64 = -2_147_483_648;
    const MOST: i64 = 2_147_483_647;
}

/// A text that PostgreSQL can hold, shortened to [`MAX_TEXT_BYTES`].
pub(crate) fn text<'a>(field: &'static str, value: &'a str) -> Result<&'a str, Refusal> {
    if memchr::memchr(0, value.as_bytes()).is_some() {
        Err(Refusal::Nul { field })
    } else {
        Ok(shortened(value))
    }
}

pub(crate) fn shortened(value: &str) -> &str {
    value.get(..value.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or(value)
}

#[cfg(test)]
pub(crate) mod tests;
