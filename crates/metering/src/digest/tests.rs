use std::collections::HashSet;

use tollgate_domain::{ApiKeyId, Credential, KeyDigest, ModelId, Outcome, UsageSource};
use uuid::Uuid;

use super::*;
use crate::enrich::tests::record;

fn keys() -> RecordKeys {
    RecordKeys::derive(&MasterKey::from_bytes([1; 32]))
}

#[test]
fn a_change_of_any_field_changes_the_raw_digest() {
    type Change = fn(&mut RawAnalyticsRecord);
    let changes: [Change; 40] = [
        |_| {},
        |r| r.instance_id = tollgate_domain::InstanceId::from_uuid(Uuid::max()),
        |r| r.correlation_id = tollgate_domain::CorrelationId::new(2),
        |r| r.timestamp += jiff::SignedDuration::from_micros(1),
        |r| r.method = "GET".into(),
        |r| r.uri = "/v1/other".into(),
        |r| r.model_id = Some(ModelId::from_uuid(Uuid::max())),
        |r| r.request_model = None,
        |r| r.request_model = Some("m\u{0}".into()),
        |r| r.response_model = Some("m".into()),
        |r| r.status_code = 201,
        |r| r.duration_ms += 1,
        |r| r.duration_to_first_byte_ms = None,
        |r| r.usage.prompt_tokens = None,
        |r| r.usage.prompt_tokens = Some(0),
        |r| r.usage.completion_tokens = Some(7),
        |r| r.usage.total_tokens = Some(7),
        |r| r.usage.reasoning_tokens = 7,
        |r| r.usage.cache_read_tokens = 7,
        |r| r.usage.cache_write_5m_tokens = 7,
        |r| r.usage.cache_write_1h_tokens = 7,
        |r| r.usage.audio_input_tokens = 7,
        |r| r.usage.audio_output_tokens = 7,
        |r| r.usage.image_input_tokens = 7,
        |r| r.usage_source = UsageSource::Estimated,
        |r| r.outcome = Outcome::Drained,
        |r| r.response_type = "completion".into(),
        |r| r.finish_reason = Some("stop".into()),
        |r| r.user_agent = Some("stop".into()),
        |r| r.server_address = Some("stop".into()),
        |r| r.server_port = Some(1),
        |r| r.served_by = Some("stop".into()),
        |r| r.credential = Credential::Key(ApiKeyId::from_uuid(Uuid::max())),
        |r| r.credential = Credential::Digest(KeyDigest::from_bytes([255; 32])),
        |r| r.batch.batch_id = Some(Uuid::max()),
        |r| r.batch.batch_request_id = Some(Uuid::max()),
        |r| r.batch.custom_id = Some("stop".into()),
        |r| r.batch.batch_completion_window = Some("stop".into()),
        |r| r.batch.batch_created_at = Some(r.timestamp),
        |r| r.batch.batch_request_source = Some("stop".into()),
    ];
    let mut scratch = Vec::new();
    let digests: HashSet<_> = changes
        .iter()
        .map(|change| {
            let mut changed = record();
            change(&mut changed);
            keys().raw_digest(&changed, &mut scratch)
        })
        .collect();
    assert_eq!(digests.len(), changes.len());
    let mut traced = record();
    traced.trace_id = Some("stop".into());
    assert!(!digests.contains(&keys().raw_digest(&traced, &mut scratch)));
}

#[test]
fn a_record_that_went_through_json_has_the_same_digest() {
    let before = record();
    let after: RawAnalyticsRecord = serde_json::from_slice(&serde_json::to_vec(&before).unwrap()).unwrap();
    let mut scratch = Vec::new();
    assert_eq!(keys().raw_digest(&before, &mut scratch), keys().raw_digest(&after, &mut scratch));
}

#[test]
fn digests_need_the_master_key() {
    let other = RecordKeys::derive(&MasterKey::from_bytes([2; 32]));
    let mut scratch = Vec::new();
    assert_ne!(keys().raw_digest(&record(), &mut scratch), other.raw_digest(&record(), &mut scratch));
}

#[test]
fn texts_that_meet_differently_are_encoded_differently() {
    let (mut one, mut two) = (record(), record());
    (one.method, one.uri) = ("PO".into(), "ST/v1".into());
    (two.method, two.uri) = ("POS".into(), "T/v1".into());
    let mut scratch = Vec::new();
    assert_ne!(keys().raw_digest(&one, &mut scratch), keys().raw_digest(&two, &mut scratch));
}
