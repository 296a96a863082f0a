//! What a request's receipt says.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential, InstanceId, Outcome, StatedUsage, UsageSource};

use crate::house::{House, start};
use crate::reports::{Recorder, request_id};

#[tokio::test]
async fn a_receipt_shows_the_arithmetic_of_its_charge() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let mut record = recorder.record(Credential::Key(ada.key_id), "m", 1_000, 500);
    record.usage.cache_read_tokens = 400;
    record.usage.reasoning_tokens = 100;
    let mut failed = recorder.record(Credential::Key(ada.key_id), "m", 0, 0);
    failed.status_code = 500;
    failed.outcome = Outcome::Failed;
    failed.usage = StatedUsage::default();
    failed.usage_source = UsageSource::None;
    let ids = [request_id(&record), request_id(&failed)];
    house.enter(vec![record, failed]).await;
    let receipt = house.get(&ada.key, &format!("/admin/api/v1/receipts/{}", ids[0])).await.ok();
    assert_eq!(receipt["state"], "charged");
    assert_eq!(receipt["total"], "2");
    assert_eq!(receipt["tariff"]["prices"]["input_price"], "0.001");
    assert_eq!(
        receipt["lines"],
        json!([
            { "kind": "uncached_input", "quantity": 600, "price": "0.001", "amount": "0.6" },
            { "kind": "cache_read", "quantity": 400, "price": "0.001", "amount": "0.4" },
            { "kind": "output", "quantity": 400, "price": "0.002", "amount": "0.8" },
            { "kind": "reasoning", "quantity": 100, "price": "0.002", "amount": "0.2" },
        ])
    );
    let free = house.get(&ada.key, &format!("/admin/api/v1/receipts/{}", ids[1])).await.ok();
    assert_eq!((&free["state"], &free["total"], &free["lines"]), (&json!("free"), &json!("0"), &json!([])));
    assert_eq!(free["tokens"]["prompt"], Value::Null);
    let generation = house.get(&ada.key, &format!("/api/v1/generation?id={}", ids[0])).await.ok();
    let generation = &generation["data"];
    assert_eq!(generation["id"], ids[0]);
    assert_eq!((&generation["total_cost"], &generation["model"]), (&json!(2), &json!("m")));
    assert_eq!(
        (&generation["native_tokens_prompt"], &generation["native_tokens_cached"]),
        (&json!(1000), &json!(400))
    );
    assert_eq!((&generation["latency"], &generation["generation_time"]), (&json!(200), &json!(1000)));
    for id in
        ["", "x", &ids[0][..36], &format!("{}-99", &ids[0][..36]), &format!("{}-1", InstanceId::generate())]
    {
        assert_eq!(
            house.get(&ada.key, &format!("/admin/api/v1/receipts/{id}")).await.problem().0,
            404,
            "{id}"
        );
        assert_eq!(
            house.get(&ada.key, &format!("/api/v1/generation?id={id}")).await.problem().0,
            404,
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_receipt_is_found_whatever_its_day() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let mut records = Vec::new();
    for days in [0, 1, 7, 40, 400] {
        let mut record = recorder.record(Credential::Key(ada.key_id), "m", 10, 1);
        record.timestamp = start().checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
        records.push(record);
    }
    let ids: Vec<String> = records.iter().map(request_id).collect();
    house.enter(records).await;
    for id in ids {
        let receipt = house.get(&ada.key, &format!("/admin/api/v1/receipts/{id}")).await.ok();
        assert_eq!((&receipt["request_id"], &receipt["total"]), (&json!(id), &json!("0.012")));
    }
}
