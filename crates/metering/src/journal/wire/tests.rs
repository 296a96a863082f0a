use proptest::prelude::*;
use tollgate_domain::MasterKey;

use super::*;

/// A record with something in every field.
fn full() -> RawAnalyticsRecord {
    let uuid = |byte: u8| Uuid::from_bytes([byte; 16]);
    RawAnalyticsRecord {
        instance_id: InstanceId::from_uuid(uuid(1)),
        correlation_id: CorrelationId::new(77),
        timestamp: "2026-11-24T12:00:00.123456Z".parse().unwrap(),
        method: "POST".to_owned(),
        uri: "/v1/chat/completions".to_owned(),
        model_id: Some(ModelId::from_uuid(uuid(2))),
        request_model: Some("m".to_owned()),
        response_model: Some("m-2026".to_owned()),
        status_code: 200,
        duration_ms: 1234,
        duration_to_first_byte_ms: Some(56),
        usage: StatedUsage {
            prompt_tokens: Some(1000),
            completion_tokens: Some(-1),
            total_tokens: Some(i64::MAX),
            reasoning_tokens: 1,
            cache_read_tokens: 2,
            cache_write_5m_tokens: 3,
            cache_write_1h_tokens: 4,
            audio_input_tokens: 5,
            audio_output_tokens: 6,
            image_input_tokens: i64::MIN,
        },
        usage_source: UsageSource::Estimated,
        outcome: Outcome::Drained,
        response_type: "chat_completion_stream".to_owned(),
        finish_reason: Some("stop".to_owned()),
        user_agent: Some("curl/8\0".to_owned()),
        server_address: Some("api.example.com".to_owned()),
        server_port: Some(443),
        served_by: Some("gateway-1".to_owned()),
        credential: Credential::Key(ApiKeyId::from_uuid(uuid(3))),
        batch: Batch {
            batch_id: Some(uuid(4)),
            batch_request_id: Some(uuid(5)),
            custom_id: Some("mine".to_owned()),
            batch_completion_window: Some("24h".to_owned()),
            batch_created_at: Some("2026-11-24T11:00:00Z".parse().unwrap()),
            batch_request_source: Some("api".to_owned()),
        },
        trace_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
    }
}

/// The same with nothing where nothing may be.
fn bare() -> RawAnalyticsRecord {
    RawAnalyticsRecord {
        model_id: None,
        request_model: None,
        response_model: None,
        duration_to_first_byte_ms: None,
        usage: StatedUsage::default(),
        usage_source: UsageSource::None,
        outcome: Outcome::Completed,
        finish_reason: None,
        user_agent: None,
        server_address: None,
        server_port: None,
        served_by: None,
        credential: Credential::None,
        batch: Batch::default(),
        trace_id: None,
        ..full()
    }
}

fn end(record: RawAnalyticsRecord) -> Vec<u8> {
    let mut bytes = encode_finished(record, 987_654, true);
    set_position(&mut bytes, 4711);
    bytes
}

fn expected_end(record: RawAnalyticsRecord) -> Entry {
    Entry::Finished(Box::new(Finished {
        record,
        position: 4711,
        ended_after_micros: 987_654,
        without_admission: true,
    }))
}

#[test]
fn what_was_written_is_read() {
    let digest = Credential::Digest(MasterKey::from_bytes([7; 32]).key_digest("tg-unknown"));
    let records = [full(), bare(), RawAnalyticsRecord { credential: digest, ..full() }];
    for record in records {
        assert_eq!(decode(FINISHED, &end(record.clone())).unwrap(), expected_end(record.clone()));
        let admitted = decode(ADMITTED, &encode_admitted(&record, Some(12))).unwrap();
        assert_eq!(admitted, Entry::Admitted(Box::new(Admitted { record, body_bytes: Some(12) })));
    }
}

#[test]
fn the_ends_of_time_are_read_as_they_were_written() {
    for at in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
        let at = tollgate_domain::truncate_to_micros(at);
        let batch = Batch { batch_created_at: Some(at), ..Batch::default() };
        let record = RawAnalyticsRecord { timestamp: at, batch, ..full() };
        assert_eq!(decode(FINISHED, &end(record.clone())), Ok(expected_end(record)));
    }
}

#[test]
fn every_outcome_and_source_has_a_number() {
    for outcome in Outcome::ALL {
        for usage_source in [UsageSource::None, UsageSource::Provider, UsageSource::Estimated] {
            let record = RawAnalyticsRecord { outcome, usage_source, ..full() };
            assert_eq!(decode(FINISHED, &end(record.clone())).unwrap(), expected_end(record));
        }
    }
}

#[test]
fn a_text_of_a_megabyte_still_fits_the_spool() {
    let long = || Some("ä".repeat(500_000));
    let record = RawAnalyticsRecord {
        request_model: long(),
        response_model: long(),
        finish_reason: long(),
        user_agent: long(),
        trace_id: long(),
        ..full()
    };
    let bytes = end(record);
    assert!(bytes.len() < tollgate_spool::MAX_RECORD_BYTES, "{}", bytes.len());
    let Entry::Finished(read) = decode(FINISHED, &bytes).unwrap() else { panic!("not an end") };
    assert_eq!(read.record.response_model.unwrap().len(), MAX_TEXT_BYTES);
}

#[test]
fn what_a_later_build_wrote_is_refused_by_name() {
    let mut bytes = end(full());
    bytes[0] = VERSION + 1;
    let later = |kind| Unreadable::Later { kind, version: VERSION + 1 };
    assert_eq!(decode(FINISHED, &bytes).unwrap_err(), later(FINISHED));
    assert_eq!(decode(9, &bytes).unwrap_err(), later(9));
    assert!(matches!(decode(FINISHED, &[]), Err(Unreadable::Malformed(_))));
    assert!(matches!(decode(FINISHED, &[VERSION, 1, 2]), Err(Unreadable::Malformed(_))));
}

#[test]
fn a_field_that_only_a_later_build_knows_is_skipped() {
    let mut bytes = end(full());
    // Field 99 of the outer message, a number.
    bytes.extend_from_slice(&[0x98, 0x06, 0x2A]);
    assert_eq!(decode(FINISHED, &bytes).unwrap(), expected_end(full()));
}

/// Bytes that were written by the build of this version, as they must be read for ever. The file is made by
/// `WRITE_GOLDEN=1 cargo nextest run -p tollgate-metering golden`, once for each version.
#[test]
fn golden_bytes_of_every_version_are_read() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = [
        ("journal-v1-finished.bin", FINISHED, end(full()), expected_end(full())),
        ("journal-v1-finished-bare.bin", FINISHED, end(bare()), expected_end(bare())),
        (
            "journal-v1-admitted.bin",
            ADMITTED,
            encode_admitted(&full(), Some(4096)),
            Entry::Admitted(Box::new(Admitted { record: full(), body_bytes: Some(4096) })),
        ),
    ];
    for (name, kind, written, expected) in files {
        let path = directory.join(name);
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        assert_eq!(decode(kind, &std::fs::read(&path).unwrap()).unwrap(), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(kind in 0u8..4, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(decode(kind, &bytes));
    }

    #[test]
    fn an_end_with_bytes_changed_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = end(full());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        drop(decode(FINISHED, &bytes));
    }
}
