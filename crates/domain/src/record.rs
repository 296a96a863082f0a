//! What a gateway says of one request, with nothing looked up.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ApiKeyId, CorrelationId, InstanceId, KeyDigest, ModelId, StatedUsage, truncate_to_micros};

/// Who asked, as far as admission could tell; never the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The request carried none.
    None,
    /// The key that was admitted. Its owner pays, also when the key has been revoked since.
    Key(ApiKeyId),
    /// The digest of a credential; enrichment looks for a live key that has it.
    Digest(KeyDigest),
}

/// Where the token counts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider stated them.
    Provider,
    /// We counted them with the model's tokenizer.
    Estimated,
    /// Nobody did.
    None,
}

impl UsageSource {
    /// The name, as in the views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}

/// The one way in which a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream answered to the end and the client has all of it.
    Completed,
    /// The upstream refused, broke off, or sent an error inside a 200 stream.
    Failed,
    /// The client went away; the upstream was drained to its end.
    Drained,
    /// The client went away and the upstream was cut off before its end.
    Cancelled,
    /// The gateway itself ended in the middle (a crash, a power cut); it was settled when the gateway started again.
    Interrupted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Failed, Self::Drained, Self::Cancelled, Self::Interrupted];

    /// The name, as in the views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Drained => "drained",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What a trusted batch runner said of the request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// The batch.
    pub batch_id: Option<Uuid>,
    /// The request within the batch.
    pub batch_request_id: Option<Uuid>,
    /// The client's own name for it.
    pub custom_id: Option<String>,
    /// Such as `24h`.
    pub batch_completion_window: Option<String>,
    /// When the batch was created: the time its requests are priced at.
    pub batch_created_at: Option<Timestamp>,
    /// Such as `api` or `frontend`: where the batch itself came from.
    pub batch_request_source: Option<String>,
}

/// One request as the gateway saw it. Numbers are as stated: what the books cannot hold is refused later, by
/// name, into the quarantine, and never dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawAnalyticsRecord {
    /// With `correlation_id` and `day` the identity of the record.
    pub instance_id: InstanceId,
    /// Minted at admission.
    pub correlation_id: CorrelationId,
    /// Start of the request, UTC, microseconds.
    pub timestamp: Timestamp,
    /// HTTP method.
    pub method: String,
    /// The route's template, without query.
    pub uri: String,
    /// The deployed model that admission resolved.
    pub model_id: Option<ModelId>,
    /// The model (alias) that the client asked for.
    pub request_model: Option<String>,
    /// The model that the response named.
    pub response_model: Option<String>,
    /// HTTP status of the response.
    pub status_code: i32,
    /// From the first byte in to the last byte out, in milliseconds.
    pub duration_ms: i64,
    /// From the first byte in to the first byte of content out, in milliseconds.
    pub duration_to_first_byte_ms: Option<i64>,
    /// Token counts.
    #[serde(flatten)]
    pub usage: StatedUsage,
    /// Where they come from.
    pub usage_source: UsageSource,
    /// How the request ended.
    pub outcome: Outcome,
    /// Kind of response: `chat_completion`, `chat_completion_stream`, `embedding`, …
    pub response_type: String,
    /// As the provider said it.
    pub finish_reason: Option<String>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// Host of the upstream.
    pub server_address: Option<String>,
    /// Port of the upstream.
    pub server_port: Option<i32>,
    /// The gateway that served it.
    pub served_by: Option<String>,
    /// Who asked.
    pub credential: Credential,
    /// What a trusted batch runner said.
    #[serde(flatten)]
    pub batch: Batch,
    /// Trace of the request (W3C).
    pub trace_id: Option<String>,
}

impl RawAnalyticsRecord {
    /// The UTC day of admission: part of the identity, and the partition.
    pub fn day(&self) -> Date {
        self.timestamp.to_zoned(TimeZone::UTC).date()
    }

    /// The time that prices are looked up at: as it is stored, so that an audit looks at the same.
    pub fn priced_at(&self) -> Timestamp {
        truncate_to_micros(self.batch.batch_created_at.unwrap_or(self.timestamp))
    }
}
