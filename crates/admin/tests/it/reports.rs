//! Usage and costs, held against sums over `http_analytics` for random requests.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tollgate_domain::{
    ApiKeyPurpose, Batch, CorrelationId, Credential, Credits, InstanceId, Outcome, RawAnalyticsRecord,
    StatedUsage, UsageSource,
};
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, Tenant, start};

/// Makes records of one instance.
pub(crate) struct Recorder {
    instance_id: InstanceId,
    next: i64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self { instance_id: InstanceId::generate(), next: 1 }
    }

    /// A chat completion that went well.
    pub(crate) fn record(
        &mut self,
        credential: Credential,
        model: &str,
        prompt: i64,
        completion: i64,
    ) -> RawAnalyticsRecord {
        let correlation_id = CorrelationId::new(self.next);
        self.next += 1;
        RawAnalyticsRecord {
            instance_id: self.instance_id,
            correlation_id,
            timestamp: start(),
            method: "POST".to_owned(),
            uri: "/v1/chat/completions".to_owned(),
            model_id: None,
            request_model: Some(model.to_owned()),
            response_model: Some(format!("{model}-2026")),
            status_code: 200,
            duration_ms: 1200,
            duration_to_first_byte_ms: Some(200),
            usage: StatedUsage {
                prompt_tokens: Some(prompt),
                completion_tokens: Some(completion),
                total_tokens: Some(prompt + completion),
                ..StatedUsage::default()
            },
            usage_source: UsageSource::Provider,
            outcome: Outcome::Completed,
            response_type: "chat_completion".to_owned(),
            finish_reason: Some("stop".to_owned()),
            user_agent: Some("tests/1.0".to_owned()),
            server_address: Some("upstream.test".to_owned()),
            server_port: Some(443),
            served_by: Some("gateway-1".to_owned()),
            credential,
            batch: Batch::default(),
            trace_id: None,
        }
    }
}

/// The id that the response of a record carried.
pub(crate) fn request_id(record: &RawAnalyticsRecord) -> String {
    format!("{}-{}", record.instance_id, record.correlation_id)
}

const DAY: i64 = 86_400;
const MODELS: [&str; 3] = ["large", "small", "vectors"];

/// Two users with two keys each, and random requests of four days, some of them at the edges of hours and days.
pub(crate) async fn filled(house: &House) -> Vec<Tenant> {
    house.model("large", "0.0000025", "0.00001").await;
    house.model("small", "0.000000000001", "0.000000000003").await;
    house.model("vectors", "0.00000002", "0").await;
    let mut tenants = Vec::new();
    for name in ["ada", "bob"] {
        let tenant = house.tenant(name, ApiKeyPurpose::Realtime, None).await;
        let (key_id, key) = house.key(tenant.id, ApiKeyPurpose::Batch, None).await;
        tenants.push(tenant.clone());
        tenants.push(Tenant { key_id, key, ..tenant });
    }
    house.enter(random_records(&tenants, 20_261_124, 600)).await;
    tenants
}

/// Of four days, some of them at the edges of hours and days.
pub(crate) fn random_records(tenants: &[Tenant], seed: u64, count: usize) -> Vec<RawAnalyticsRecord> {
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut recorder = Recorder::new();
    let mut records = Vec::new();
    for _ in 0..count {
        let tenant = &tenants[random.random_range(0..tenants.len())];
        let model = MODELS[random.random_range(0..MODELS.len())];
        let mut record = recorder.record(
            Credential::Key(tenant.key_id),
            model,
            random.random_range(0..5_000),
            random.random_range(0..2_000),
        );
        if model == "vectors" {
            "/v1/embeddings".clone_into(&mut record.uri);
            "embedding".clone_into(&mut record.response_type);
            record.usage.completion_tokens = None;
        }
        let cached = random.random_range(0..=record.usage.prompt_tokens.unwrap());
        record.usage.cache_read_tokens = random.random_range(0..=cached);
        record.usage.cache_write_5m_tokens = random.random_range(0..=cached - record.usage.cache_read_tokens);
        record.usage.cache_write_1h_tokens =
            cached - record.usage.cache_read_tokens - record.usage.cache_write_5m_tokens;
        let midnight = start().as_second() / DAY * DAY;
        let seconds = match random.random_range(0..4) {
            0 => midnight - DAY * random.random_range(0..4),
            1 => midnight - 3600 * random.random_range(0..90),
            2 => midnight - 3600 * random.random_range(0..90) - 1,
            _ => midnight - random.random_range(0..4 * DAY),
        };
        let micros = if random.random_bool(0.5) { 0 } else { 999_999 };
        record.timestamp = Timestamp::from_microsecond(seconds * 1_000_000 + micros).unwrap();
        if random.random_bool(0.1) {
            record.status_code = 500;
            record.outcome = Outcome::Failed;
            record.usage = StatedUsage::default();
            record.usage_source = UsageSource::None;
        }
        records.push(record);
    }
    records
}

/// Sums over the requests themselves: the oracle.
async fn oracle(house: &House, width: &str, filter: &str, groups: &[&str]) -> BTreeMap<String, Value> {
    let names = groups.iter().map(|group| match *group {
        "user_id" => "user_id",
        "api_key_id" => "api_key_id",
        "model" | "line_item" => "model",
        "batch" => "api_key_purpose = 'batch'",
        other => panic!("{other}"),
    });
    let columns: Vec<String> = names.map(|name| format!(", {name}")).collect();
    let columns = columns.concat();
    let sql = format!(
        "select jsonb_build_array(extract(epoch from date_trunc('{width}', \"timestamp\", 'UTC'))::bigint{columns}) as key,
                count(*) as requests, coalesce(sum(prompt_tokens), 0) as input, coalesce(sum(completion_tokens), 0) as output,
                coalesce(sum(cache_read_tokens), 0) as cached,
                coalesce(sum(cache_write_5m_tokens + cache_write_1h_tokens), 0) as written, trim_scale(sum(total_cost))::text as cost
         from http_analytics where {filter} group by 1"
    );
    house.rows(&sql).await.into_iter().map(|row| (row["key"].to_string(), row)).collect()
}

/// Every bucket that an endpoint gives, page by page.
async fn buckets(house: &House, key: &str, path: &str) -> Vec<Value> {
    let mut buckets = Vec::new();
    let mut next = String::new();
    loop {
        let page = house.get(key, &format!("{path}{next}")).await.ok();
        assert_eq!(page["object"], "page");
        buckets.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(page) = page["next_page"].as_str() else {
            assert_eq!(page["has_more"], false);
            return buckets;
        };
        next = format!("&page={page}");
    }
}

fn key_of(bucket: &Value, result: &Value, groups: &[&str]) -> String {
    let mut key = vec![bucket["start_time"].clone()];
    key.extend(groups.iter().map(|group| result[*group].clone()));
    Value::Array(key).to_string()
}

#[tokio::test]
async fn usage_equals_the_sums_over_requests_in_every_grouping() {
    let house = House::open().await;
    let manager = house.manager().await;
    let tenants = filled(&house).await;
    compare_usage(&house, &manager, &tenants).await;
}

#[tokio::test]
async fn usage_is_the_same_when_some_hours_are_closed_when_all_are_and_when_records_come_late() {
    let house = House::open().await;
    let manager = house.manager().await;
    let tenants = filled(&house).await;
    // In the middle of a day, and of an hour.
    let some = start().checked_sub(SignedDuration::from_mins(30 * 60 + 10)).unwrap();
    assert_eq!(house.close_hours(some).await, "2026-11-23T05:00:00Z".parse().ok());
    compare_usage(&house, &manager, &tenants).await;
    let all = start().checked_add(SignedDuration::from_hours(24)).unwrap();
    house.close_hours(all).await;
    house.enter(random_records(&tenants, 7, 300)).await;
    compare_usage(&house, &manager, &tenants).await;
}

/// Every grouping and every filter against the requests themselves.
async fn compare_usage(house: &House, manager: &Tenant, tenants: &[Tenant]) {
    let from = start().checked_sub(SignedDuration::from_hours(24 * 6)).unwrap().as_second();
    let (ada, key) = (tenants[0].id, tenants[3].key_id);
    let filters = [
        (String::new(), "true".to_owned()),
        (format!("&user_ids[]={ada}"), format!("user_id = '{ada}'")),
        (format!("&api_key_ids={key}"), format!("api_key_id = '{key}'")),
        ("&models[]=large&models[]=vectors".to_owned(), "model in ('large', 'vectors')".to_owned()),
        ("&batch=true".to_owned(), "api_key_purpose = 'batch'".to_owned()),
        ("&batch=false".to_owned(), "api_key_purpose <> 'batch'".to_owned()),
        ("&batch=true&models=small".to_owned(), "api_key_purpose = 'batch' and model = 'small'".to_owned()),
        (
            format!("&batch=true&api_key_ids={key}"),
            format!("api_key_purpose = 'batch' and api_key_id = '{key}'"),
        ),
    ];
    let groupings: [&[&str]; 7] = [
        &[],
        &["user_id"],
        &["api_key_id"],
        &["model"],
        &["batch"],
        &["model", "batch"],
        &["model", "user_id", "batch"],
    ];
    let mut compared = 0;
    for (width, unit, most) in [("1h", "hour", 168), ("1d", "day", 31)] {
        for (query, filter) in &filters {
            // Every grouping of everything and of either kind of keys, and every other filter with one of them: more would be the same again.
            let groupings =
                if query.is_empty() || query.contains("batch=") { &groupings[..] } else { &groupings[6..] };
            for groups in groupings.iter().copied() {
                let by: Vec<String> = groups.iter().map(|group| format!("&group_by[]={group}")).collect();
                let by = by.concat();
                let path = format!(
                    "/v1/organization/usage/completions?start_time={from}&bucket_width={width}&limit={most}{query}{by}"
                );
                let expected = oracle(house, unit, &format!("model <> 'vectors' and {filter}"), groups).await;
                let mut found = 0;
                for bucket in buckets(house, &manager.key, &path).await {
                    for result in bucket["results"].as_array().unwrap() {
                        let row = &expected[&key_of(&bucket, result, groups)];
                        assert_eq!(result["object"], "organization.usage.completions.result");
                        assert_eq!(result["num_model_requests"], row["requests"], "{path} {bucket}");
                        assert_eq!(result["input_tokens"], row["input"], "{path} {bucket}");
                        assert_eq!(result["input_cached_tokens"], row["cached"], "{path} {bucket}");
                        assert_eq!(result["input_cache_write_tokens"], row["written"], "{path} {bucket}");
                        let parts = ["cached", "cache_write", "uncached"]
                            .map(|part| result[format!("input_{part}_tokens")].as_i64().unwrap());
                        assert_eq!(json!(parts.iter().sum::<i64>()), row["input"], "{path} {bucket}");
                        assert_eq!(result["output_tokens"], row["output"], "{path} {bucket}");
                        found += 1;
                    }
                }
                assert_eq!(found, expected.len(), "{path}");
                compared += found;
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
    compare_embeddings(house, manager, from).await;
}

/// What is not among completions is among embeddings, which know nothing of batches.
async fn compare_embeddings(house: &House, manager: &Tenant, from: i64) {
    let mut compared = 0;
    for (width, unit, most) in [("1h", "hour", 168), ("1d", "day", 31)] {
        for groups in [&[][..], &["model"], &["api_key_id"]] {
            let by: Vec<String> = groups.iter().map(|group| format!("&group_by={group}")).collect();
            let by = by.concat();
            let path = format!(
                "/v1/organization/usage/embeddings?start_time={from}&bucket_width={width}&limit={most}{by}"
            );
            let expected = oracle(house, unit, "model = 'vectors'", groups).await;
            let mut found = 0;
            for bucket in buckets(house, &manager.key, &path).await {
                for result in bucket["results"].as_array().unwrap() {
                    let row = &expected[&key_of(&bucket, result, groups)];
                    assert_eq!(result["object"], "organization.usage.embeddings.result");
                    assert_eq!(result["num_model_requests"], row["requests"], "{path} {bucket}");
                    assert_eq!(result["input_tokens"], row["input"], "{path} {bucket}");
                    found += 1;
                }
            }
            assert_eq!(found, expected.len(), "{path}");
            compared += found;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[tokio::test]
async fn minutes_equal_the_sums_over_requests_to_the_edges_of_each() {
    let house = House::open().await;
    let manager = house.manager().await;
    let tenants = filled(&house).await;
    // Closed hours or open ones: minutes are of the requests themselves.
    house.close_hours(start().checked_sub(SignedDuration::from_hours(20)).unwrap()).await;
    let from = start().as_second() / DAY * DAY - 2 * DAY + 3600;
    let until = from + 30 * 3600;
    let time = format!("start_time={from}&end_time={until}&bucket_width=1m");
    let within = format!("timestamp >= to_timestamp({from}) and timestamp < to_timestamp({until})");
    let (ada, key) = (tenants[0].id, tenants[3].key_id);
    let mut compared = 0;
    for (query, filter, groups) in [
        (String::new(), "true".to_owned(), &[][..]),
        (
            "&group_by=model&group_by=user_id&group_by=batch".to_owned(),
            "true".to_owned(),
            &["model", "user_id", "batch"],
        ),
        (format!("&group_by=model&user_ids={ada}"), format!("user_id = '{ada}'"), &["model"]),
        (
            format!("&group_by=api_key_id&api_key_ids={key}&models=small"),
            format!("api_key_id = '{key}' and model = 'small'"),
            &["api_key_id"],
        ),
        ("&batch=true".to_owned(), "api_key_purpose = 'batch'".to_owned(), &[]),
    ] {
        let path = format!("/v1/organization/usage/completions?{time}&limit=1440{query}");
        let expected =
            oracle(&house, "minute", &format!("model <> 'vectors' and {within} and {filter}"), groups).await;
        let buckets = buckets(&house, &manager.key, &path).await;
        assert_eq!(buckets.len(), 30 * 60);
        let mut found = 0;
        for bucket in &buckets {
            for result in bucket["results"].as_array().unwrap() {
                let row = &expected[&key_of(bucket, result, groups)];
                assert_eq!(result["num_model_requests"], row["requests"], "{path} {bucket}");
                assert_eq!(result["input_tokens"], row["input"], "{path} {bucket}");
                assert_eq!(result["input_cached_tokens"], row["cached"], "{path} {bucket}");
                assert_eq!(result["input_cache_write_tokens"], row["written"], "{path} {bucket}");
                assert_eq!(result["output_tokens"], row["output"], "{path} {bucket}");
                found += 1;
            }
        }
        assert_eq!(found, expected.len(), "{path}");
        compared += found;
    }
    assert!(compared > 200, "{compared}");
    let usual = format!("/v1/organization/usage/embeddings?start_time={from}&bucket_width=1m");
    assert_eq!(house.get(&manager.key, &usual).await.ok()["data"].as_array().unwrap().len(), 60);
}

#[tokio::test]
async fn minutes_of_days_with_more_requests_than_may_be_read_are_refused() {
    let house = House::open().await;
    let manager = house.manager().await;
    let day = start().as_second() / DAY * DAY - DAY;
    let fill = "insert into usage_rollups (hour, user_no, key_no, model_no, requests)
                values ('2026-11-23 23:00Z', 0, 0, 0, 999999), ('2026-11-23 00:00Z', 0, 0, 0, 2)";
    house.store.tx("fill", async |tx| Ok(tx.batch_execute(fill).await?)).await.unwrap();
    let of = |from: i64| {
        format!(
            "/v1/organization/usage/completions?start_time={from}&end_time={}&bucket_width=1m",
            from + 3600
        )
    };
    for close in [None, Some(start())] {
        if let Some(now) = close {
            house.close_hours(now).await;
        }
        let refused = house.get(&manager.key, &of(day + 7200)).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
        assert!(
            refused.json()["detail"]
                .as_str()
                .unwrap()
                .contains("have 1000001, more than 1000000; ask for hours")
        );
        // The days before and after have none; one that reaches into it has all of it.
        house.get(&manager.key, &of(day - 3600)).await.ok();
        house.get(&manager.key, &of(day + DAY)).await.ok();
        assert_eq!(house.get(&manager.key, &of(day - 1800)).await.problem().0, 422);
    }
}

#[tokio::test]
async fn embeddings_and_completions_are_all_requests_and_none_twice() {
    let house = House::open().await;
    let manager = house.manager().await;
    filled(&house).await;
    let from = start().checked_sub(SignedDuration::from_hours(24 * 6)).unwrap().as_second();
    let mut requests = BTreeMap::new();
    for kind in ["completions", "embeddings"] {
        let path = format!("/v1/organization/usage/{kind}?start_time={from}&group_by=model");
        for bucket in buckets(&house, &manager.key, &path).await {
            for result in bucket["results"].as_array().unwrap() {
                assert_eq!(result["object"], format!("organization.usage.{kind}.result"));
                let model = result["model"].as_str().unwrap().to_owned();
                *requests.entry((kind, model)).or_insert(0) += result["num_model_requests"].as_i64().unwrap();
            }
        }
    }
    assert_eq!(requests.values().sum::<i64>(), 600);
    let kinds: Vec<_> = requests.keys().map(|(kind, model)| format!("{kind} {model}")).collect();
    assert_eq!(kinds, ["completions large", "completions small", "embeddings vectors"]);
}

#[tokio::test]
async fn a_model_stays_one_of_embeddings_whatever_it_is_asked_in_vain() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("vectors", "0.001", "0").await;
    let mut recorder = Recorder::new();
    let mut answered = recorder.record(Credential::Key(ada.key_id), "vectors", 100, 0);
    "/v1/embeddings".clone_into(&mut answered.uri);
    "embedding".clone_into(&mut answered.response_type);
    let mut records = vec![answered];
    for (status_code, outcome) in
        [(400, Outcome::Failed), (200, Outcome::Cancelled), (200, Outcome::Interrupted)]
    {
        let mut chat = recorder.record(Credential::Key(ada.key_id), "vectors", 0, 0);
        chat.status_code = status_code;
        chat.outcome = outcome;
        chat.usage = StatedUsage::default();
        chat.usage_source = UsageSource::None;
        records.push(chat);
    }
    house.enter(records).await;
    let from = start().as_second() / DAY * DAY;
    for (kind, requests) in [("embeddings", 4), ("completions", 0)] {
        let path = format!("/v1/organization/usage/{kind}?start_time={from}");
        let buckets = buckets(&house, &ada.key, &path).await;
        let found = buckets.iter().flat_map(|bucket| bucket["results"].as_array().unwrap());
        let found: i64 = found.map(|result| result["num_model_requests"].as_i64().unwrap()).sum();
        assert_eq!(found, requests, "{kind}: {buckets:?}");
    }
}

#[tokio::test]
async fn costs_equal_what_was_charged_to_the_last_digit() {
    let house = House::open().await;
    let manager = house.manager().await;
    filled(&house).await;
    house.close_hours(start().checked_sub(SignedDuration::from_hours(40)).unwrap()).await;
    let from = start().checked_sub(SignedDuration::from_hours(24 * 6)).unwrap().as_second();
    for groups in [&[][..], &["line_item"], &["api_key_id"], &["line_item", "api_key_id", "user_id"]] {
        let by: Vec<String> = groups.iter().map(|group| format!("&group_by={group}")).collect();
        let by = by.concat();
        let expected = oracle(&house, "day", "true", groups).await;
        let mut found = 0;
        let path = format!("/v1/organization/costs?start_time={from}&limit=2{by}");
        for bucket in buckets(&house, &manager.key, &path).await {
            for result in bucket["results"].as_array().unwrap() {
                let row = &expected[&key_of(&bucket, result, groups)];
                assert_eq!(result["amount"]["currency"], "credits");
                let value: f64 = result["amount"]["value"].as_f64().unwrap();
                let charged: f64 = row["cost"].as_str().unwrap().parse().unwrap();
                assert!((value - charged).abs() < 1e-12, "{path} {bucket}");
                found += 1;
            }
        }
        assert_eq!(found, expected.len(), "{path}");
    }
    // A line of the costs is a model, by which it is asked for too.
    let lines =
        format!("/v1/organization/costs?start_time={from}&limit=180&group_by=line_item&line_items[]=small");
    let expected = oracle(&house, "day", "model = 'small'", &["line_item"]).await;
    let lines = buckets(&house, &manager.key, &lines).await;
    let lines: Vec<&Value> = lines.iter().flat_map(|bucket| bucket["results"].as_array().unwrap()).collect();
    assert_eq!(lines.len(), expected.len());
    assert!(lines.iter().all(|line| line["line_item"] == "small"), "{lines:?}");
    // A JSON number may be read through a float; what stands there is exact all the same.
    let all = format!("/v1/organization/costs?start_time={from}&limit=180");
    let text = String::from_utf8(house.get(&manager.key, &all).await.body.to_vec()).unwrap();
    let charged = text.split("\"value\":").skip(1).map(|rest| {
        let digits = rest.split([',', '}']).next().unwrap();
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{digits}");
        digits.parse::<Credits>().unwrap().pico()
    });
    let expected = house.rows("select trim_scale(sum(total_cost))::text as sum from http_analytics").await;
    let expected: Credits = expected[0]["sum"].as_str().unwrap().parse().unwrap();
    assert_eq!(charged.sum::<i128>(), expected.pico());
}

#[tokio::test]
async fn a_page_has_every_bucket_of_its_time_also_the_empty_ones() {
    let house = House::open().await;
    let manager = house.manager().await;
    let day = start().as_second() / DAY * DAY;
    let usage = "/v1/organization/usage/completions";
    let page = house
        .get(&manager.key, &format!("{usage}?start_time={}&end_time={}&limit=2", day - 3 * DAY + 5, day))
        .await
        .ok();
    let times = |page: &Value| -> Vec<(i64, i64)> {
        let bucket =
            |bucket: &Value| (bucket["start_time"].as_i64().unwrap(), bucket["end_time"].as_i64().unwrap());
        page["data"].as_array().unwrap().iter().map(bucket).collect()
    };
    assert_eq!(times(&page), [(day - 3 * DAY, day - 2 * DAY), (day - 2 * DAY, day - DAY)]);
    assert_eq!((&page["has_more"], &page["data"][0]["results"]), (&json!(true), &json!([])));
    let next = page["next_page"].as_str().unwrap();
    let path = format!("{usage}?start_time={}&end_time={}&limit=2&page={next}", day - 3 * DAY + 5, day);
    let last = house.get(&manager.key, &path).await.ok();
    assert_eq!((times(&last), &last["next_page"]), (vec![(day - DAY, day)], &Value::Null));
    // A page of another question is no page of this one.
    let other = format!("{usage}?start_time={}&page={next}", day - 9 * DAY);
    assert_eq!(house.get(&manager.key, &other).await.problem().0, 400);
    let other = house.get(&manager.key, &format!("{usage}?start_time={day}&bucket_width=1w")).await;
    assert!(other.json()["detail"].as_str().unwrap().contains("one of 1m, 1h, 1d"));
}

#[tokio::test]
async fn a_key_sees_its_users_credits_and_its_own_usage() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let (other_id, other) = house.key(ada.id, ApiKeyPurpose::Platform, Some(PlatformRole::Viewer)).await;
    house.model("m", "0.001", "0.002").await;
    house.grant(ada.id, "10", "a").await;
    let mut recorder = Recorder::new();
    let mut records = vec![recorder.record(Credential::Key(ada.key_id), "m", 1_000, 0)];
    for days in [1, 20, 40] {
        let mut record = recorder.record(Credential::Key(ada.key_id), "m", 100, 0);
        record.timestamp = start().checked_sub(SignedDuration::from_hours(24 * days)).unwrap();
        records.push(record);
    }
    records.push(recorder.record(Credential::Key(other_id), "m", 500, 0));
    house.enter(records).await;
    let credits = house.get(&ada.key, "/api/v1/credits").await.ok();
    assert_eq!(credits, json!({ "data": { "total_credits": 10, "total_usage": 1.8 } }));
    let key = house.get(&ada.key, "/api/v1/key").await.ok();
    // The 24th of November 2026 is a Tuesday.
    let data = &key["data"];
    assert_eq!(
        [&data["usage"], &data["usage_daily"], &data["usage_weekly"], &data["usage_monthly"]],
        [&json!(1.3), &json!(1), &json!(1.1), &json!(1.2)]
    );
    assert_eq!((&data["limit"], &data["is_provisioning_key"]), (&Value::Null, &json!(false)));
    let platform = house.get(&other, "/api/v1/key").await.ok();
    assert_eq!(
        (&platform["data"]["usage"], &platform["data"]["is_provisioning_key"]),
        (&json!(0.5), &json!(true))
    );
}
