//! What stands in the spool: the form of a request's admission and of its end.
//!
//! Protocol Buffers, in which a field is known by its number: a field added later is skipped by builds that do not know it, and
//! absent in what older builds wrote. Numbers are never used twice. What changes the meaning of fields that are there gets a new
//! [`VERSION`]; `tests/golden` has bytes of each, which every later build must read.
//!
//! ```text
//! kind 1, admission:  version (1 byte), message Admitted
//! kind 2, end:        version (1 byte), position (8 bytes, little-endian), message Finished
//! ```
//! The position stands outside of the message because it is known only under the lock under which records take their order.

use jiff::Timestamp;
use prost::Message;
use tollgate_domain::{
    ApiKeyId, Batch, CorrelationId, Credential, InstanceId, KeyDigest, ModelId, Outcome, RawAnalyticsRecord,
    StatedUsage, UsageSource,
};
use uuid::Uuid;

use crate::Position;

/// The kind of a record in the spool that says that a request was admitted.
pub(super) const ADMITTED: u8 = 1;
/// The kind of a record in the spool that says how a request ended.
pub(super) const FINISHED: u8 = 2;
/// The version of both that this build writes.
pub(super) const VERSION: u8 = 1;
/// Longest text that is kept, in bytes. The books keep less of each; a provider's model name of a megabyte must not make a record
/// that does not fit.
const MAX_TEXT_BYTES: usize = 1024;
/// Where the message of an end begins.
const MESSAGE_AT: usize = 9;

/// That a request was admitted, with all that was known of it then.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Admitted {
    pub(super) record: RawAnalyticsRecord,
    /// The declared length of its body, for an estimate of its prompt.
    pub(super) body_bytes: Option<u64>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finished {
    pub(super) record: RawAnalyticsRecord,
    /// Its place among the ends of one life of the gateway.
    pub(super) position: Position,
    /// When it ended, in microseconds since that life began.
    pub(super) ended_after_micros: u64,
    /// Its admission is not in the spool: it was withdrawn, or did not get there. Or it was not known yet whether it would: then it stands before
    /// this, or nowhere.
    pub(super) without_admission: bool,
}

/// One record of the spool.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    Admitted(Box<Admitted>),
    Finished(Box<Finished>),
}

/// Bytes that this build cannot read although the spool vouches for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Written by a later build.
    #[error(
        "its kind is {kind} and its version {version}: it was written by a later version of this program"
    )]
    Later {
        /// Kind of the record.
        kind: u8,
        /// Version of its form.
        version: u8,
    },
    /// Not what any build writes.
    #[error("its bytes are not what this program writes: {0}")]
    Malformed(String),
}

/// The bytes of an admission.
pub(super) fn encode_admitted(record: &RawAnalyticsRecord, body_bytes: Option<u64>) -> Vec<u8> {
    let message = AdmittedMessage { record: Some(RecordMessage::from(record.clone())), body_bytes };
    let mut bytes = Vec::with_capacity(1 + message.encoded_len());
    bytes.push(VERSION);
    message.encode_raw(&mut bytes);
    bytes
}

/// The bytes of an end, with a position of zero; [`set_position`] puts in the right one.
pub(super) fn encode_finished(
    record: RawAnalyticsRecord,
    ended_after_micros: u64,
    without_admission: bool,
) -> Vec<u8> {
    let message = FinishedMessage { record: Some(record.into()), ended_after_micros, without_admission };
    let mut bytes = Vec::with_capacity(MESSAGE_AT + message.encoded_len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&[0; MESSAGE_AT - 1]);
    message.encode_raw(&mut bytes);
    bytes
}

/// Puts the position into an encoded end.
pub(super) fn set_position(finished: &mut [u8], position: Position) {
    if let Some(place) = finished.get_mut(1..MESSAGE_AT) {
        place.copy_from_slice(&position.to_le_bytes());
    }
}

/// What the bytes of one record of the spool say.
pub(super) fn decode(kind: u8, bytes: &[u8]) -> Result<Entry, Unreadable> {
    let malformed = |error: prost::DecodeError| Unreadable::Malformed(error.to_string());
    let (&version, rest) =
        bytes.split_first().ok_or_else(|| Unreadable::Malformed("there are none".to_owned()))?;
    match (kind, version) {
        (ADMITTED, VERSION) => {
            let message = AdmittedMessage::decode(rest).map_err(malformed)?;
            let record = known(message.record)?.try_into()?;
            Ok(Entry::Admitted(Box::new(Admitted { record, body_bytes: message.body_bytes })))
        }
        (FINISHED, VERSION) => {
            let (position, rest) = rest
                .split_first_chunk::<8>()
                .ok_or_else(|| Unreadable::Malformed("it has no position".to_owned()))?;
            let message = FinishedMessage::decode(rest).map_err(malformed)?;
            Ok(Entry::Finished(Box::new(Finished {
                record: known(message.record)?.try_into()?,
                position: Position::from_le_bytes(*position),
                ended_after_micros: message.ended_after_micros,
                without_admission: message.without_admission,
            })))
        }
        (kind, version) => Err(Unreadable::Later { kind, version }),
    }
}

fn known<T>(value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or_else(|| Unreadable::Malformed("a field that is always written is missing".to_owned()))
}

#[derive(Clone, PartialEq, Message)]
struct AdmittedMessage {
    #[prost(message, optional, tag = "1")]
    record: Option<RecordMessage>,
    #[prost(uint64, optional, tag = "2")]
    body_bytes: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct FinishedMessage {
    #[prost(message, optional, tag = "1")]
    record: Option<RecordMessage>,
    #[prost(uint64, tag = "2")]
    ended_after_micros: u64,
    #[prost(bool, tag = "3")]
    without_admission: bool,
}

/// [`RawAnalyticsRecord`], field by field.
#[derive(Clone, PartialEq, Message)]
struct RecordMessage {
    #[prost(message, optional, tag = "1")]
    instance_id: Option<Sixteen>,
    #[prost(int64, tag = "2")]
    correlation_id: i64,
    #[prost(sint64, tag = "3")]
    timestamp_micros: i64,
    #[prost(string, tag = "4")]
    method: String,
    #[prost(string, tag = "5")]
    uri: String,
    #[prost(message, optional, tag = "6")]
    model_id: Option<Sixteen>,
    #[prost(string, optional, tag = "7")]
    request_model: Option<String>,
    #[prost(string, optional, tag = "8")]
    response_model: Option<String>,
    #[prost(sint32, tag = "9")]
    status_code: i32,
    #[prost(sint64, tag = "10")]
    duration_ms: i64,
    #[prost(sint64, optional, tag = "11")]
    duration_to_first_byte_ms: Option<i64>,
    #[prost(sint64, optional, tag = "12")]
    prompt_tokens: Option<i64>,
    #[prost(sint64, optional, tag = "13")]
    completion_tokens: Option<i64>,
    #[prost(sint64, optional, tag = "14")]
    total_tokens: Option<i64>,
    #[prost(sint64, tag = "15")]
    reasoning_tokens: i64,
    #[prost(sint64, tag = "16")]
    cache_read_tokens: i64,
    #[prost(sint64, tag = "17")]
    cache_write_5m_tokens: i64,
    #[prost(sint64, tag = "18")]
    cache_write_1h_tokens: i64,
    #[prost(sint64, tag = "19")]
    audio_input_tokens: i64,
    #[prost(sint64, tag = "20")]
    audio_output_tokens: i64,
    #[prost(sint64, tag = "21")]
    image_input_tokens: i64,
    /// 0 none, 1 provider, 2 estimated.
    #[prost(uint32, tag = "22")]
    usage_source: u32,
    /// 0 completed, 1 failed, 2 drained, 3 cancelled, 4 interrupted.
    #[prost(uint32, tag = "23")]
    outcome: u32,
    #[prost(string, tag = "24")]
    response_type: String,
    #[prost(string, optional, tag = "25")]
    finish_reason: Option<String>,
    #[prost(string, optional, tag = "26")]
    user_agent: Option<String>,
    #[prost(string, optional, tag = "27")]
    server_address: Option<String>,
    #[prost(sint32, optional, tag = "28")]
    server_port: Option<i32>,
    #[prost(string, optional, tag = "29")]
    served_by: Option<String>,
    /// The id of the key that was admitted.
    #[prost(message, optional, tag = "30")]
    key_id: Option<Sixteen>,
    /// The digest of a credential that nobody looked up; 32 bytes.
    #[prost(bytes = "vec", optional, tag = "31")]
    key_digest: Option<Vec<u8>>,
    #[prost(message, optional, tag = "32")]
    batch_id: Option<Sixteen>,
    #[prost(message, optional, tag = "33")]
    batch_request_id: Option<Sixteen>,
    #[prost(string, optional, tag = "34")]
    custom_id: Option<String>,
    #[prost(string, optional, tag = "35")]
    batch_completion_window: Option<String>,
    #[prost(sint64, optional, tag = "36")]
    batch_created_at_micros: Option<i64>,
    #[prost(string, optional, tag = "37")]
    batch_request_source: Option<String>,
    #[prost(string, optional, tag = "38")]
    trace_id: Option<String>,
}

/// A UUID in two numbers, which need no memory of their own.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Sixteen {
    #[prost(fixed64, tag = "1")]
    high: u64,
    #[prost(fixed64, tag = "2")]
    low: u64,
}

impl From<Uuid> for Sixteen {
    fn from(uuid: Uuid) -> Self {
        let (high, low) = uuid.as_u64_pair();
        Self { high, low }
    }
}

impl From<Sixteen> for Uuid {
    fn from(Sixteen { high, low }: Sixteen) -> Self {
        Self::from_u64_pair(high, low)
    }
}

impl From<RawAnalyticsRecord> for RecordMessage {
    fn from(record: RawAnalyticsRecord) -> Self {
        let (key_id, key_digest) = match record.credential {
            Credential::None => (None, None),
            Credential::Key(id) => (Some(id.as_uuid().into()), None),
            Credential::Digest(digest) => (None, Some(digest.as_bytes().to_vec())),
        };
        let RawAnalyticsRecord { usage, batch, .. } = record;
        Self {
            instance_id: Some(record.instance_id.as_uuid().into()),
            correlation_id: record.correlation_id.get(),
            timestamp_micros: record.timestamp.as_microsecond(),
            method: bounded(record.method),
            uri: bounded(record.uri),
            model_id: record.model_id.map(|id| id.as_uuid().into()),
            request_model: record.request_model.map(bounded),
            response_model: record.response_model.map(bounded),
            status_code: record.status_code,
            duration_ms: record.duration_ms,
            duration_to_first_byte_ms: record.duration_to_first_byte_ms,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_5m_tokens: usage.cache_write_5m_tokens,
            cache_write_1h_tokens: usage.cache_write_1h_tokens,
            audio_input_tokens: usage.audio_input_tokens,
            audio_output_tokens: usage.audio_output_tokens,
            image_input_tokens: usage.image_input_tokens,
            usage_source: match record.usage_source {
                UsageSource::None => 0,
                UsageSource::Provider => 1,
                UsageSource::Estimated => 2,
            },
            outcome: match record.outcome {
                Outcome::Completed => 0,
                Outcome::Failed => 1,
                Outcome::Drained => 2,
                Outcome::Cancelled => 3,
                Outcome::Interrupted => 4,
            },
            response_type: bounded(record.response_type),
            finish_reason: record.finish_reason.map(bounded),
            user_agent: record.user_agent.map(bounded),
            server_address: record.server_address.map(bounded),
            server_port: record.server_port,
            served_by: record.served_by.map(bounded),
            key_id,
            key_digest,
            batch_id: batch.batch_id.map(Into::into),
            batch_request_id: batch.batch_request_id.map(Into::into),
            custom_id: batch.custom_id.map(bounded),
            batch_completion_window: batch.batch_completion_window.map(bounded),
            batch_created_at_micros: batch.batch_created_at.map(Timestamp::as_microsecond),
            batch_request_source: batch.batch_request_source.map(bounded),
            trace_id: record.trace_id.map(bounded),
        }
    }
}

impl TryFrom<RecordMessage> for RawAnalyticsRecord {
    type Error = Unreadable;

    fn try_from(message: RecordMessage) -> Result<Self, Unreadable> {
        let credential = match (message.key_id, message.key_digest) {
            (Some(id), _) => Credential::Key(ApiKeyId::from_uuid(id.into())),
            (None, Some(digest)) => Credential::Digest(KeyDigest::from_bytes(
                digest
                    .try_into()
                    .map_err(|_| Unreadable::Malformed("a digest is not 32 bytes long".to_owned()))?,
            )),
            (None, None) => Credential::None,
        };
        Ok(Self {
            instance_id: InstanceId::from_uuid(known(message.instance_id)?.into()),
            correlation_id: CorrelationId::new(message.correlation_id),
            timestamp: time(message.timestamp_micros),
            method: message.method,
            uri: message.uri,
            model_id: message.model_id.map(|id| ModelId::from_uuid(id.into())),
            request_model: message.request_model,
            response_model: message.response_model,
            status_code: message.status_code,
            duration_ms: message.duration_ms,
            duration_to_first_byte_ms: message.duration_to_first_byte_ms,
            usage: StatedUsage {
                prompt_tokens: message.prompt_tokens,
                completion_tokens: message.completion_tokens,
                total_tokens: message.total_tokens,
                reasoning_tokens: message.reasoning_tokens,
                cache_read_tokens: message.cache_read_tokens,
                cache_write_5m_tokens: message.cache_write_5m_tokens,
                cache_write_1h_tokens: message.cache_write_1h_tokens,
                audio_input_tokens: message.audio_input_tokens,
                audio_output_tokens: message.audio_output_tokens,
                image_input_tokens: message.image_input_tokens,
            },
            usage_source: match message.usage_source {
                0 => UsageSource::None,
                1 => UsageSource::Provider,
                2 => UsageSource::Estimated,
                other => return Err(unknown("usage source", other)),
            },
            outcome: match message.outcome {
                0 => Outcome::Completed,
                1 => Outcome::Failed,
                2 => Outcome::Drained,
                3 => Outcome::Cancelled,
                4 => Outcome::Interrupted,
                other => return Err(unknown("outcome", other)),
            },
            response_type: message.response_type,
            finish_reason: message.finish_reason,
            user_agent: message.user_agent,
            server_address: message.server_address,
            server_port: message.server_port,
            served_by: message.served_by,
            credential,
            batch: Batch {
                batch_id: message.batch_id.map(Into::into),
                batch_request_id: message.batch_request_id.map(Into::into),
                custom_id: message.custom_id,
                batch_completion_window: message.batch_completion_window,
                batch_created_at: message.batch_created_at_micros.map(time),
                batch_request_source: message.batch_request_source,
            },
            trace_id: message.trace_id,
        })
    }
}

fn unknown(what: &str, number: u32) -> Unreadable {
    Unreadable::Malformed(format!("{number} is no {what} that this version knows"))
}

/// The very last microseconds can be told of a timestamp and not be made into one; they become the last there is.
fn time(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}

/// A text with at most [`MAX_TEXT_BYTES`] bytes, cut between characters.
fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

#[cfg(test)]
mod tests;
