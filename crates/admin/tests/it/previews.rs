//! What other prices would have cost, held against what they did cost: the same requests made of a model that has them.

use http::Method;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Credential, Credits, Outcome, RawAnalyticsRecord, StatedUsage, UsageSource,
};

use crate::house::{House, Reply, Tenant, start};
use crate::reports::Recorder;

/// A model with prices that was asked, and another that was asked the very same and has the prices that are wanted.
struct Twins {
    house: House,
    manager: Tenant,
    path: String,
}

fn prices(value: &Value) -> Value {
    let mut prices = json!({ "input_price": "0.000003", "output_price": "0.000015" });
    for (name, price) in value.as_object().unwrap() {
        prices[name] = price.clone();
    }
    prices
}

/// Requests by two keys, some of them with a completion window, some failed.
fn requests(keys: [ApiKeyId; 2], model: &str, recorder: &mut Recorder) -> Vec<RawAnalyticsRecord> {
    let mut random = StdRng::seed_from_u64(20_261_126);
    let request = |number: i64| {
        let key = usize::try_from(number % 2).unwrap();
        let (prompt, completion) = (random.random_range(1_000..5_000), random.random_range(500..2_000));
        let mut record = recorder.record(Credential::Key(keys[key]), model, prompt, completion);
        record.usage.cache_read_tokens = random.random_range(0..400);
        record.usage.cache_write_5m_tokens = random.random_range(0..200);
        record.usage.cache_write_1h_tokens = random.random_range(0..200);
        record.usage.image_input_tokens = random.random_range(0..100);
        record.usage.audio_input_tokens = random.random_range(0..100);
        record.usage.reasoning_tokens = random.random_range(0..300);
        record.usage.audio_output_tokens = random.random_range(0..200);
        record.timestamp =
            start().checked_sub(SignedDuration::from_hours(random.random_range(0..24 * 29))).unwrap();
        if key == 1 && number % 3 == 0 {
            record.batch.batch_completion_window = Some("24h".to_owned());
        }
        if number % 10 == 7 {
            record.status_code = 500;
            record.outcome = Outcome::Failed;
            record.usage = StatedUsage::default();
            record.usage_source = UsageSource::None;
        }
        record
    };
    (0..200).map(request).collect()
}

impl Twins {
    async fn open(wanted: &Value) -> Self {
        let house = House::open().await;
        let manager = house.manager().await;
        let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
        let (batch, _) = house.key(ada.id, ApiKeyPurpose::Batch, None).await;
        house.model("old", "0.0000025", "0.00001").await;
        let endpoint = json!({ "name": "up", "base_url": "http://up.test" });
        let endpoint = house.post(&manager.key, "/admin/api/v1/endpoints", &endpoint).await.ok();
        let new = json!({ "alias": "new", "endpoint_id": endpoint["id"] });
        let new = house.post(&manager.key, "/admin/api/v1/models", &new).await.ok();
        let models = house.get(&manager.key, "/admin/api/v1/models").await.ok();
        let old = models["data"].as_array().unwrap().iter().find(|model| model["alias"] == "old").unwrap();
        let path = |model: &Value| format!("/admin/api/v1/models/{}/tariffs", model["id"].as_str().unwrap());
        let mut since_long = wanted.clone();
        for tariff in since_long.as_array_mut().unwrap() {
            tariff["valid_from"] = json!("2020-01-01T00:00:00Z");
        }
        house.write(Method::PUT, &manager.key, &path(&new), &json!({ "tariffs": since_long })).await.ok();
        let mut recorder = Recorder::new();
        let mut records = requests([ada.key_id, batch], "old", &mut recorder);
        records.extend(requests([ada.key_id, batch], "new", &mut recorder));
        house.enter(records).await;
        let path = format!("{}/preview", path(old));
        Self { house, manager, path }
    }

    async fn ask(&self, body: &Value) -> Reply {
        self.house.post(&self.manager.key, &self.path, body).await
    }

    /// What requests of this model were charged.
    async fn charged(&self, model: &str, condition: &str) -> i128 {
        let sql = format!(
            "select coalesce(sum(total_cost), 0)::text as sum from http_analytics where model = '{model}' and {condition}"
        );
        self.house.rows(&sql).await[0]["sum"].as_str().unwrap().parse::<Credits>().unwrap().pico()
    }
}

fn pico(value: &Value) -> i128 {
    value.as_str().unwrap().parse::<Credits>().unwrap().pico()
}

#[tokio::test]
async fn a_preview_is_what_the_prices_would_have_cost_to_the_last_digit() {
    let further = json!({
        "cache_read_price": "0.0000003", "cache_write_5m_price": "0.00000375", "cache_write_1h_price": "0.00000375",
        "reasoning_price": "0.00002"
    });
    let wanted = json!([
        { "prices": prices(&further) },
        { "purpose": "batch", "prices": { "input_price": "0.000001", "output_price": "0.000000000001" } },
    ]);
    let twins = Twins::open(&wanted).await;
    let preview = twins.ask(&json!({ "tariffs": wanted })).await.ok();
    assert_eq!(preview["is_exact"], true, "{preview}");
    assert_eq!(preview["least"], preview["most"]);
    assert_eq!(pico(&preview["least"]), twins.charged("new", "true").await);
    assert_eq!(pico(&preview["charged"]), twins.charged("old", "true").await);
    assert_eq!((&preview["requests"], &preview["unrated_requests"]), (&json!(200), &json!(0)));
    for purpose in preview["by_purpose"].as_array().unwrap() {
        let of = format!("api_key_purpose = '{}'", purpose["purpose"].as_str().unwrap());
        assert_eq!(pico(&purpose["least"]), twins.charged("new", &of).await);
        assert_eq!(pico(&purpose["charged"]), twins.charged("old", &of).await);
    }
    // A part of the time, by the hour.
    let (since, until) = ("2026-11-10T07:00:00Z", "2026-11-20T11:00:00Z");
    let part = json!({ "tariffs": wanted, "since": "2026-11-10T07:59:00Z", "until": "2026-11-20T10:00:00Z" });
    let part = twins.ask(&part).await.ok();
    assert_eq!((&part["since"], &part["until"]), (&json!(since), &json!(until)));
    let within = format!("\"timestamp\" >= '{since}' and \"timestamp\" < '{until}'");
    assert_eq!(pico(&part["least"]), twins.charged("new", &within).await);
    // It was asked, and nothing was set.
    let old = twins.path.replace("/preview", "");
    assert_eq!(twins.house.get(&twins.manager.key, &old).await.ok()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_sums_do_not_tell_apart_is_bounded_and_said_to_be() {
    let lists = [
        json!([{ "prices": prices(&json!({ "image_input_price": "0.00002", "audio_output_price": "0.0000001" })) }]),
        json!([{ "prices": prices(&json!({ "cache_write_1h_price": "0.000006" })) }]),
        json!([
            { "prices": prices(&json!({})) },
            { "purpose": "batch", "completion_window": "24h", "prices": { "input_price": "0.000001", "output_price": "0.000002" } },
        ]),
    ];
    for wanted in lists {
        let twins = Twins::open(&wanted).await;
        let preview = twins.ask(&json!({ "tariffs": wanted })).await.ok();
        assert_eq!(preview["is_exact"], false, "{preview}");
        let charged = twins.charged("new", "true").await;
        let (least, most) = (pico(&preview["least"]), pico(&preview["most"]));
        assert!(least < charged && charged < most, "{least} {charged} {most}");
        assert_eq!(preview["requests_maybe_without_price"], 0);
    }
}

#[tokio::test]
async fn a_purpose_without_a_price_would_wait_and_what_waits_now_is_counted_in() {
    let twins = Twins::open(&json!([])).await;
    let nothing = twins.ask(&json!({ "tariffs": [] })).await.ok();
    assert_eq!(
        [&nothing["least"], &nothing["most"], &nothing["requests_maybe_without_price"]],
        [&json!("0"), &json!("0"), &json!(200)]
    );
    // Of the new model all but the failed ones wait: they would have cost what the old one's did.
    let models = twins.house.get(&twins.manager.key, "/admin/api/v1/models").await.ok();
    let new = models["data"].as_array().unwrap().iter().find(|model| model["alias"] == "new").unwrap();
    let path = format!("/admin/api/v1/models/{}/tariffs/preview", new["id"].as_str().unwrap());
    let same =
        json!({ "tariffs": [{ "prices": { "input_price": "0.0000025", "output_price": "0.00001" } }] });
    let waiting = twins.house.post(&twins.manager.key, &path, &same).await.ok();
    assert_eq!((&waiting["charged"], &waiting["unrated_requests"]), (&json!("0"), &json!(180)));
    assert_eq!(pico(&waiting["most"]), twins.charged("old", "true").await);
    // Prices for one window alone are for nobody who names none.
    let only_window = json!({ "tariffs": [{ "purpose": "batch", "completion_window": "24h",
                                            "prices": { "input_price": "1", "output_price": "1" } }] });
    let only_window = twins.ask(&only_window).await.ok();
    assert_eq!(only_window["least"], "0");
    assert!(pico(&only_window["most"]) > 0);
}

#[tokio::test]
async fn the_price_that_opens_last_counts_and_what_makes_no_sense_is_refused() {
    let twins = Twins::open(&json!([{ "prices": prices(&json!({})) }])).await;
    let price = |input: &str, from: Value| json!({ "prices": { "input_price": input, "output_price": "0.000015" }, "valid_from": from });
    let two = json!({ "tariffs": [price("0.000003", json!("2027-01-01T00:00:00Z")), price("0.000009", Value::Null)] });
    let preview = twins.ask(&two).await.ok();
    assert_eq!(pico(&preview["least"]), twins.charged("new", "true").await);
    let twice = json!([price("1", Value::Null), price("2", Value::Null)]);
    for bad in [
        json!({ "tariffs": twice }),
        json!({}),
        json!({ "tariffs": [], "colour": "red" }),
        json!({ "tariffs": [{ "prices": { "input_price": "-1", "output_price": "0" } }] }),
        json!({ "tariffs": [], "since": "2026-11-20T00:00:00Z", "until": "2026-11-01T00:00:00Z" }),
        json!({ "tariffs": [], "since": "2020-11-20T00:00:00Z" }),
        json!({ "tariffs": [], "since": "yesterday" }),
    ] {
        assert_eq!(twins.ask(&bad).await.problem(), (422, "invalid".to_owned()), "{bad}");
    }
    let nowhere = "/admin/api/v1/models/00000000-0000-4000-8000-000000000000/tariffs/preview";
    assert_eq!(twins.house.post(&twins.manager.key, nowhere, &two).await.problem().0, 404);
}

#[tokio::test]
async fn whichever_hours_are_closed_a_preview_is_the_same_to_the_last_digit() {
    let wanted = json!([{ "prices": prices(&json!({})) }]);
    let twins = Twins::open(&wanted).await;
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let ago = |hours: i64| start().checked_sub(SignedDuration::from_hours(hours)).unwrap();
    let mut stretches: Vec<(i64, i64)> = (0..12)
        .map(|_| {
            let until = random.random_range(0..24 * 28);
            (until + random.random_range(0..24 * 29 - until), until)
        })
        .collect();
    // Within a day, to midnight, from midnight, one whole day, and everything.
    stretches.extend([(30, 26), (40, 37), (36, 30), (36, 13), (24 * 30, 0)]);
    // Nothing is closed; days before yesterday at noon are; all that has ended is.
    for closed in [None, Some(24 * 10), Some(25), Some(0)] {
        if let Some(hours) = closed {
            assert!(twins.house.close_hours(ago(hours)).await.is_some());
        }
        for (since, until) in &stretches {
            let body = json!({ "tariffs": wanted, "since": ago(*since), "until": ago(*until) });
            let preview = twins.ask(&body).await.ok();
            let within = format!(
                "\"timestamp\" >= '{}' and \"timestamp\" < '{}'",
                preview["since"].as_str().unwrap(),
                preview["until"].as_str().unwrap()
            );
            let slow = [twins.charged("old", &within).await, twins.charged("new", &within).await];
            assert_eq!(
                [pico(&preview["charged"]), pico(&preview["least"])],
                slow,
                "closed {closed:?}: {body}"
            );
        }
    }
    // Of whole days whose hours are closed no hour is read: it is the same without them.
    let body = json!({ "tariffs": wanted, "since": ago(24 * 20), "until": ago(24 * 5) });
    let before = twins.ask(&body).await.ok();
    let forget =
        "delete from usage_rollups where hour >= '2026-11-05T00:00:00Z' and hour < '2026-11-19T00:00:00Z'";
    let forget = async |tx: tollgate_store::Tx| Ok(tx.batch_execute(forget).await?);
    twins.house.store.tx("forget", forget).await.unwrap();
    assert_eq!(twins.ask(&body).await.ok(), before);
    assert!(pico(&before["charged"]) > 0);
}
