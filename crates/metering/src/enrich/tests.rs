use tollgate_domain::{
    Batch, CorrelationId, Credits, EndpointId, InstanceId, KeyDigest, ModelId, Outcome, PriceList, Tariff,
    TariffId, UsageSource, UsageState, UserId,
};

use super::*;

/// A chat completion of 1,000 + 500 tokens with no key.
pub(crate) fn record() -> RawAnalyticsRecord {
    RawAnalyticsRecord {
        instance_id: InstanceId::from_uuid(uuid::Uuid::from_u128(7)),
        correlation_id: CorrelationId::new(1),
        timestamp: "2026-11-24T12:00:00Z".parse().unwrap(),
        method: "POST".into(),
        uri: "/v1/chat/completions".into(),
        model_id: None,
        request_model: Some("m".into()),
        response_model: None,
        status_code: 200,
        duration_ms: 10,
        duration_to_first_byte_ms: Some(5),
        usage: StatedUsage {
            prompt_tokens: Some(1000),
            completion_tokens: Some(500),
            ..StatedUsage::default()
        },
        usage_source: UsageSource::Provider,
        outcome: Outcome::Completed,
        response_type: "chat_completion".into(),
        finish_reason: None,
        user_agent: None,
        server_address: None,
        server_port: None,
        served_by: None,
        credential: Credential::None,
        batch: Batch::default(),
        trace_id: None,
    }
}

const DIGEST: KeyDigest = KeyDigest::from_bytes([3; 32]);

/// One key, one model `m` at 0.00001 / 0.00003.
fn catalog() -> (Catalog, ApiKeyId, ModelId) {
    let (key, model) = (ApiKeyId::generate(), ModelId::generate());
    let user_id = UserId::generate();
    let mut catalog = Catalog::default();
    catalog.users_by_no.insert(1, user_id);
    catalog.keys_by_digest.insert(DIGEST, key);
    let purpose = ApiKeyPurpose::Realtime;
    catalog.keys.insert(key, CatalogKey { id: key, no: 2, user_id, user_no: 1, purpose, revoked: false });
    let prices = PriceList {
        input_price: "0.00001".parse().unwrap(),
        output_price: "0.00003".parse().unwrap(),
        ..PriceList::default()
    };
    let tariff = Tariff {
        id: TariffId::generate(),
        model,
        purpose,
        completion_window: None,
        prices,
        valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
        valid_until: None,
    };
    let tariffs = vec![CatalogTariff { tariff, no: 9, recorded_epoch: 1, closed_epoch: None }];
    catalog.live_models.insert("m".into(), model);
    catalog.models.insert(
        model,
        CatalogModel {
            id: model,
            no: 4,
            alias: "m".into(),
            endpoint_id: EndpointId::generate(),
            provider_name: Some("acme".into()),
            deleted: false,
            tariffs,
        },
    );
    (catalog, key, model)
}

#[test]
fn a_known_key_pays_the_charge_of_its_tariff() {
    let (catalog, key, _) = catalog();
    let mut raw = record();
    raw.credential = Credential::Key(key);
    let enriched = EnrichedRecord::new(&raw, &catalog).unwrap();
    assert_eq!(enriched.rated.state, UsageState::Charged);
    assert_eq!(enriched.rated.amount, "0.025".parse::<Credits>().unwrap());
    assert!(!enriched.missed);
    let row = enriched.row(RecordDigest::from_bytes([0; 16]), 3).unwrap();
    assert_eq!((row.user_no, row.key_no, row.model_no, row.tariff_no), (Some(1), Some(2), Some(4), Some(9)));
    assert_eq!((row.amount_pico, row.pricing_epoch), (25_000_000_000, 3));
    assert_eq!(enriched.dimensions().unwrap().provider_name, Some("acme"));
}

#[test]
fn the_model_that_admission_resolved_is_honoured_whatever_its_alias_means_now() {
    let (mut catalog, _, model) = catalog();
    catalog.live_models.clear();
    let mut raw = record();
    raw.model_id = Some(model);
    assert_eq!(EnrichedRecord::new(&raw, &catalog).unwrap().model.map(|model| model.no), Some(4));
    raw.model_id = None;
    assert!(EnrichedRecord::new(&raw, &catalog).unwrap().model.is_none(), "no live model has the alias");
}

#[test]
fn a_revoked_key_is_found_by_id_and_not_by_digest() {
    let (mut catalog, key, _) = catalog();
    catalog.keys.get_mut(&key).unwrap().revoked = true;
    let mut raw = record();
    raw.credential = Credential::Digest(DIGEST);
    assert_eq!(EnrichedRecord::new(&raw, &catalog).unwrap().access_source, AccessSource::UnknownApiKey);
    raw.credential = Credential::Key(key);
    assert_eq!(EnrichedRecord::new(&raw, &catalog).unwrap().access_source, AccessSource::ApiKey);
}

#[test]
fn long_texts_are_shortened_at_a_character() {
    let (catalog, ..) = catalog();
    let mut raw = record();
    raw.user_agent = Some(format!("{}ü{}", "a".repeat(MAX_TEXT_BYTES - 1), "b".repeat(500)));
    let enriched = EnrichedRecord::new(&raw, &catalog).unwrap();
    let dimensions = enriched.dimensions().unwrap();
    assert_eq!(dimensions.user_agent.map(str::len), Some(MAX_TEXT_BYTES - 1));
}

#[test]
fn stated_parts_that_exceed_their_whole_are_kept_and_flagged() {
    let (catalog, key, _) = catalog();
    let mut raw = record();
    raw.credential = Credential::Key(key);
    raw.usage.reasoning_tokens = 600;
    raw.status_code = 500;
    let enriched = EnrichedRecord::new(&raw, &catalog).unwrap();
    let row = enriched.row(RecordDigest::from_bytes([0; 16]), 3).unwrap();
    assert_eq!(row.flags, FLAG_CLAMPED | FLAG_FAILED);
    assert_eq!((row.counts.completion, row.counts.reasoning), (Some(500), 600));
    assert_eq!(enriched.rated.amount, "0.025".parse::<Credits>().unwrap());
}

#[test]
fn what_its_gateway_could_not_price_as_the_books_do_was_not_held() {
    let (mut catalog, _, model) = catalog();
    let begun = u64::try_from(record().timestamp.as_second()).unwrap();
    for (made, outcome, expected) in [
        (begun - 60, Outcome::Completed, false),
        (begun - 60, Outcome::Interrupted, true),
        (begun - 1, Outcome::Completed, true),
        (begun + 60, Outcome::Completed, true),
    ] {
        let at = uuid::Timestamp::from_unix(uuid::NoContext, made, 0);
        let tariffs = &mut catalog.models.get_mut(&model).unwrap().tariffs;
        tariffs[0].tariff.id = TariffId::from_uuid(uuid::Uuid::new_v7(at));
        let record = RawAnalyticsRecord { outcome, ..record() };
        let enriched = EnrichedRecord::new(&record, &catalog).unwrap();
        assert!(enriched.tariff.is_some());
        assert_eq!(enriched.is_unheld(), expected, "{made} {outcome:?}");
    }
}
