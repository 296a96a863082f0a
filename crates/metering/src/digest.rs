//! Keyed digests: of the raw record (replay or conflict?), of the rated row (tampered with?), of a combination of dimensions.
//!
//! What is digested is a byte string of tagged fields in ascending order, in which an absent field takes no room. It is
//! unambiguous (each tag has one type, texts carry their length), and a field added later changes no digest of before.

use tollgate_domain::{Credential, DigestKey, MasterKey, RawAnalyticsRecord, RecordDigest};
use tollgate_store::usage_dimensions::Dimensions;
use tollgate_store::usage_records::{UsageRow, source_letter, state_letter};

/// The three keys under which records are digested. Batcher, audit and quarantine of one database must use the same.
#[derive(Debug, Clone)]
pub struct RecordKeys {
    raw: DigestKey,
    rated: DigestKey,
    dimensions: DigestKey,
}

impl RecordKeys {
    /// Derives them from the installation's master key.
    pub fn derive(master: &MasterKey) -> Self {
        Self {
            raw: DigestKey::derive(master, "tollgate raw record digest v1"),
            rated: DigestKey::derive(master, "tollgate rated record digest v1"),
            dimensions: DigestKey::derive(master, "tollgate dimensions fingerprint v1"),
        }
    }

    /// Digest of a record as the gateway sent it: the same for each replay, another for any other content.
    pub fn raw_digest(&self, record: &RawAnalyticsRecord, scratch: &mut Vec<u8>) -> RecordDigest {
        scratch.clear();
        raw_fields(record, &mut Fields(scratch));
        self.raw.digest(scratch)
    }

    /// Digest of a row as it is stored, all columns but the digest itself.
    pub fn rated_digest(&self, row: &UsageRow, scratch: &mut Vec<u8>) -> RecordDigest {
        scratch.clear();
        rated_fields(row, &mut Fields(scratch));
        self.rated.digest(scratch)
    }

    /// Fingerprint of encoded dimensions; see [`encode_dimensions`].
    pub(crate) fn fingerprint(&self, encoded: &[u8]) -> RecordDigest {
        self.dimensions.digest(encoded)
    }
}

/// Appends tagged fields.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn int(&mut self, tag: u8, value: impl Into<i64>) {
        self.0.push(tag);
        self.0.extend_from_slice(&value.into().to_be_bytes());
    }

    fn optional_int(&mut self, tag: u8, value: Option<impl Into<i64>>) {
        if let Some(value) = value {
            self.int(tag, value);
        }
    }

    /// A count that defaults to zero.
    fn count(&mut self, tag: u8, value: impl Into<i64>) {
        let value = value.into();
        if value != 0 {
            self.int(tag, value);
        }
    }

    fn bytes(&mut self, tag: u8, value: &[u8; 16]) {
        self.0.push(tag);
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, tag: u8, value: &str) {
        self.0.push(tag);
        self.0.extend_from_slice(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.extend_from_slice(value.as_bytes());
    }

    fn optional_text(&mut self, tag: u8, value: Option<&str>) {
        if let Some(value) = value {
            self.text(tag, value);
        }
    }
}

fn raw_fields(record: &RawAnalyticsRecord, out: &mut Fields<'_>) {
    out.bytes(1, record.instance_id.as_uuid().as_bytes());
    out.int(2, record.correlation_id.get());
    out.int(3, record.timestamp.as_microsecond());
    out.text(4, &record.method);
    out.text(5, &record.uri);
    if let Some(model) = record.model_id {
        out.bytes(6, model.as_uuid().as_bytes());
    }
    out.optional_text(7, record.request_model.as_deref());
    out.optional_text(8, record.response_model.as_deref());
    out.int(9, record.status_code);
    out.int(10, record.duration_ms);
    out.optional_int(11, record.duration_to_first_byte_ms);
    out.optional_int(12, record.usage.prompt_tokens);
    out.optional_int(13, record.usage.completion_tokens);
    out.optional_int(14, record.usage.total_tokens);
    out.count(15, record.usage.reasoning_tokens);
    out.count(16, record.usage.cache_read_tokens);
    out.count(17, record.usage.cache_write_5m_tokens);
    out.count(18, record.usage.cache_write_1h_tokens);
    out.count(19, record.usage.audio_input_tokens);
    out.count(20, record.usage.audio_output_tokens);
    out.count(21, record.usage.image_input_tokens);
    out.text(22, record.usage_source.as_str());
    out.text(23, record.outcome.as_str());
    out.text(24, &record.response_type);
    out.optional_text(25, record.finish_reason.as_deref());
    out.optional_text(26, record.user_agent.as_deref());
    out.optional_text(27, record.server_address.as_deref());
    out.optional_int(28, record.server_port);
    out.optional_text(29, record.served_by.as_deref());
    match &record.credential {
        Credential::None => {}
        Credential::Key(id) => out.bytes(30, id.as_uuid().as_bytes()),
        Credential::Digest(digest) => {
            let (front, back) = digest.as_bytes().split_at(16);
            out.bytes(31, front.try_into().unwrap_or(&[0; 16]));
            out.bytes(32, back.try_into().unwrap_or(&[0; 16]));
        }
    }
    let batch = &record.batch;
    if let Some(id) = batch.batch_id {
        out.bytes(33, id.as_bytes());
    }
    if let Some(id) = batch.batch_request_id {
        out.bytes(34, id.as_bytes());
    }
    out.optional_text(35, batch.custom_id.as_deref());
    out.optional_text(36, batch.batch_completion_window.as_deref());
    out.optional_int(37, batch.batch_created_at.map(jiff::Timestamp::as_microsecond));
    out.optional_text(38, batch.batch_request_source.as_deref());
    out.optional_text(39, record.trace_id.as_deref());
}

fn rated_fields(row: &UsageRow, out: &mut Fields<'_>) {
    out.int(1, row.key.day.get());
    out.int(2, row.key.instance_no);
    out.int(3, row.key.correlation_id.get());
    out.int(4, row.requested_at.get());
    out.optional_int(5, row.batch_created_at.map(tollgate_store::utc::UtcMicros::get));
    out.int(6, row.amount_pico);
    out.bytes(7, &row.raw_digest.as_bytes());
    out.optional_int(8, row.user_no);
    out.optional_int(9, row.key_no);
    out.optional_int(10, row.model_no);
    out.optional_int(11, row.tariff_no);
    out.int(12, row.pricing_epoch);
    out.int(13, row.dimensions_no);
    out.int(14, row.duration_ms);
    out.optional_int(15, row.first_byte_ms);
    out.optional_int(16, row.counts.prompt);
    out.optional_int(17, row.counts.completion);
    out.optional_int(18, row.counts.total);
    out.count(19, row.counts.reasoning);
    out.count(20, row.counts.cache_read);
    out.count(21, row.counts.cache_write_5m);
    out.count(22, row.counts.cache_write_1h);
    out.count(23, row.counts.audio_input);
    out.count(24, row.counts.audio_output);
    out.count(25, row.counts.image_input);
    out.int(26, row.status_code);
    out.int(27, row.flags);
    out.int(28, state_letter(row.state));
    out.int(29, source_letter(row.usage_source));
}

/// Dimensions whose texts are somebody else's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DimensionsRef<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) request_model: Option<&'a str>,
    pub(crate) response_model: Option<&'a str>,
    pub(crate) response_type: &'a str,
    pub(crate) finish_reason: Option<&'a str>,
    pub(crate) outcome: &'a str,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) server_address: Option<&'a str>,
    pub(crate) server_port: Option<i32>,
    pub(crate) served_by: Option<&'a str>,
    pub(crate) provider_name: Option<&'a str>,
    pub(crate) access_source: &'a str,
    pub(crate) api_key_purpose: Option<&'a str>,
    pub(crate) request_origin: &'a str,
    pub(crate) batch_completion_window: Option<&'a str>,
    pub(crate) batch_request_source: Option<&'a str>,
}

impl<'a> DimensionsRef<'a> {
    pub(crate) fn of(stored: &'a Dimensions) -> Self {
        Self {
            method: &stored.method,
            uri: &stored.uri,
            request_model: stored.request_model.as_deref(),
            response_model: stored.response_model.as_deref(),
            response_type: &stored.response_type,
            finish_reason: stored.finish_reason.as_deref(),
            outcome: &stored.outcome,
            user_agent: stored.user_agent.as_deref(),
            server_address: stored.server_address.as_deref(),
            server_port: stored.server_port,
            served_by: stored.served_by.as_deref(),
            provider_name: stored.provider_name.as_deref(),
            access_source: &stored.access_source,
            api_key_purpose: stored.api_key_purpose.as_deref(),
            request_origin: &stored.request_origin,
            batch_completion_window: stored.batch_completion_window.as_deref(),
            batch_request_source: stored.batch_request_source.as_deref(),
        }
    }

    pub(crate) fn stored(&self) -> Dimensions {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Dimensions {
            method: self.method.to_owned(),
            uri: self.uri.to_owned(),
            request_model: text(self.request_model),
            response_model: text(self.response_model),
            response_type: self.response_type.to_owned(),
            finish_reason: text(self.finish_reason),
            outcome: self.outcome.to_owned().into(),
            user_agent: text(self.user_agent),
            server_address: text(self.server_address),
            server_port: self.server_port,
            served_by: text(self.served_by),
            provider_name: text(self.provider_name),
            access_source: self.access_source.to_owned().into(),
            api_key_purpose: text(self.api_key_purpose).map(Into::into),
            request_origin: self.request_origin.to_owned().into(),
            batch_completion_window: text(self.batch_completion_window),
            batch_request_source: text(self.batch_request_source),
        }
    }

    /// The byte string that is looked up, and digested for the fingerprint.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        let mut out = Fields(out);
        out.text(1, self.method);
        out.text(2, self.uri);
        out.optional_text(3, self.request_model);
        out.optional_text(4, self.response_model);
        out.text(5, self.response_type);
        out.optional_text(6, self.finish_reason);
        out.text(7, self.outcome);
        out.optional_text(8, self.user_agent);
        out.optional_text(9, self.server_address);
        out.optional_int(10, self.server_port);
        out.optional_text(11, self.served_by);
        out.optional_text(12, self.provider_name);
        out.text(13, self.access_source);
        out.optional_text(14, self.api_key_purpose);
        out.text(15, self.request_origin);
        out.optional_text(16, self.batch_completion_window);
        out.optional_text(17, self.batch_request_source);
    }
}

#[cfg(test)]
mod tests;
