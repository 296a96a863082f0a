//! What the dashboard asks beside the rest: usage over time, how the platform stands, and its own files.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tollgate_admin::GatewayStatus;
use tollgate_domain::ApiKeyPurpose;
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, start};
use crate::reports::{Recorder, filled};

const SINCE: &str = "since=2026-11-19T00:00:00Z&until=2026-11-25T00:00:00Z";

fn series(parameters: &str) -> String {
    format!("/admin/api/v1/usage-series?{SINCE}&{parameters}")
}

/// Sums over the requests themselves, one row for each bucket and group.
async fn oracle(house: &House, bucket: &str, name: &str, filter: &str) -> Vec<Value> {
    house
        .rows(&format!(
            "select to_char(date_trunc('{bucket}', timestamp, 'UTC') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as start,
                    {name} as name, count(*) as requests,
                    coalesce(sum(prompt_tokens), 0) + coalesce(sum(completion_tokens), 0) as tokens,
                    trim_scale(coalesce(sum(total_cost), 0))::text as amount
             from http_analytics a join users u on u.id = a.user_id join api_keys k on k.id = a.api_key_id
             where {filter} group by 1, 2 order by 1, 2"
        ))
        .await
}

/// What a series says, in the same form.
fn rows(series: &Value) -> Vec<Value> {
    let starts = series["starts"].as_array().unwrap();
    let mut rows = Vec::new();
    for group in series["groups"].as_array().unwrap() {
        for (at, start) in starts.iter().enumerate().filter(|(at, _)| group["requests"][*at] != 0) {
            rows.push(json!({
                "start": start, "name": if group["prefix"].is_null() { &group["name"] } else { &group["prefix"] }, "requests": group["requests"][at],
                "tokens": group["tokens"][at], "amount": group["amounts"][at],
            }));
        }
    }
    rows.sort_by_key(|row| (row["start"].to_string(), row["name"].to_string()));
    rows
}

#[tokio::test]
async fn a_series_is_the_sum_of_its_requests_in_every_bucket_and_group() {
    let house = House::open().await;
    filled(&house).await;
    let viewer = house.tenant("v", ApiKeyPurpose::Platform, Some(PlatformRole::Viewer)).await;
    // Of open hours, of some that are closed, and of none that is not.
    for (bucket, close) in
        [("hour", None), ("day", None), ("hour", Some(30)), ("day", Some(30)), ("day", Some(-24))]
    {
        if let Some(hours) = close {
            let now = start().checked_sub(SignedDuration::from_hours(hours)).unwrap();
            assert!(house.close_hours(now).await.is_some());
        }
        for (by, name) in
            [("model", "a.model"), ("user", "u.name"), ("key", "k.prefix"), ("nothing", "null::text")]
        {
            let found = house.get(&viewer.key, &series(&format!("bucket={bucket}&group_by={by}"))).await.ok();
            assert_eq!(rows(&found), oracle(&house, bucket, name, "true").await, "{bucket} by {by}");
            let requests: i64 = found["groups"]
                .as_array()
                .unwrap()
                .iter()
                .map(|g| g["total"]["requests"].as_i64().unwrap())
                .sum();
            assert_eq!((requests, found["total"]["requests"].as_i64().unwrap()), (600, 600));
        }
    }
    let of_ada =
        house.rows("select id from users where name = 'ada'").await[0]["id"].as_str().unwrap().to_owned();
    let path = series(&format!("bucket=day&group_by=model&user_id={of_ada}&model=large"));
    let found = house.get(&viewer.key, &path).await.ok();
    assert_eq!(rows(&found), oracle(&house, "day", "a.model", "u.name = 'ada' and a.model = 'large'").await);
}

#[tokio::test]
async fn all_but_the_largest_groups_are_one() {
    let house = House::open().await;
    filled(&house).await;
    let viewer = house.tenant("v", ApiKeyPurpose::Platform, Some(PlatformRole::Viewer)).await;
    let all = house.get(&viewer.key, &series("bucket=day&group_by=model")).await.ok();
    let cut = house.get(&viewer.key, &series("bucket=day&group_by=model&top=1")).await.ok();
    assert_eq!(all["groups"].as_array().unwrap().len(), 3);
    assert_eq!(cut["groups"].as_array().unwrap().len(), 2);
    assert_eq!(cut["groups"][0], all["groups"][0], "the largest is the same");
    let rest = &cut["groups"][1];
    assert_eq!((&rest["others"], &rest["id"], &rest["name"]), (&json!(2), &Value::Null, &Value::Null));
    let of = |group: &Value| group["total"]["requests"].as_i64().unwrap();
    assert_eq!(of(rest), of(&all["groups"][1]) + of(&all["groups"][2]));
    assert_eq!(cut["total"], all["total"]);
}

#[tokio::test]
async fn whoever_sees_only_their_own_has_a_series_of_that_and_nobody_one_of_too_many_buckets() {
    let house = House::open().await;
    let tenants = filled(&house).await;
    let found = house.get(&tenants[0].key, &series("bucket=day&group_by=user")).await.ok();
    assert_eq!(rows(&found), oracle(&house, "day", "u.name", "u.name = 'ada'").await);
    let other = house.get(&tenants[0].key, &series(&format!("bucket=day&user_id={}", tenants[2].id))).await;
    assert_eq!(other.problem(), (404, "not_found".to_owned()));
    let by_key = series(&format!("bucket=day&api_key_id={}", tenants[2].key_id));
    assert_eq!(house.get(&tenants[0].key, &by_key).await.ok()["groups"], json!([]));
    for wrong in [
        "since=2026-01-01T00:00:00Z&bucket=hour",
        "since=2026-11-25T00:00:00Z&until=2026-11-25T00:00:00Z&bucket=day",
        "since=2026-11-24T00:00:00Z&bucket=day&top=0",
        "since=2026-11-24T00:00:00Z&bucket=day&top=21",
        "since=2026-11-24T00:00:00Z&bucket=minute",
        "bucket=day",
    ] {
        let reply = house.get(&tenants[0].key, &format!("/admin/api/v1/usage-series?{wrong}")).await;
        assert_eq!(reply.problem(), (400, "bad_request".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn the_status_counts_what_is_to_be_looked_after() {
    let house = House::open().await;
    let manager = house.manager().await;
    house.model("priced", "0.001", "0.002").await;
    let status = async || house.get(&manager.key, "/admin/api/v1/status").await.ok();
    let before = status().await;
    assert_eq!(
        before["books"],
        json!({"users": 1, "users_out_of_credits": 0, "unrated_requests": 0, "quarantined_records": 0,
               "endpoints": 1, "models": 1, "models_without_price": 0})
    );
    assert_eq!(before["gateway"], Value::Null, "nobody gave it one");

    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.grant(ada.id, "1", "first").await;
    let (mut recorder, key) = (Recorder::new(), tollgate_domain::Credential::Key(ada.key_id));
    let records =
        vec![recorder.record(key, "priced", 2_000, 0), recorder.record(key, "nobody offers it", 1, 1)];
    house.enter(records).await;
    let books = status().await["books"].clone();
    assert_eq!(
        (&books["users"], &books["users_out_of_credits"], &books["unrated_requests"]),
        (&json!(2), &json!(1), &json!(1))
    );

    let gateway =
        GatewayStatus { address: "127.0.0.1:8080".to_owned(), ended_requests: 7, ..GatewayStatus::default() };
    house.admin.observe(Arc::new(move || gateway.clone()));
    let gateway = status().await["gateway"].clone();
    assert_eq!((&gateway["address"], &gateway["ended_requests"]), (&json!("127.0.0.1:8080"), &json!(7)));
}

#[tokio::test]
async fn an_entry_of_usage_names_the_receipt_of_its_request() {
    let house = House::open().await;
    house.model("m", "0.001", "0.002").await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.grant(ada.id, "10", "first").await;
    let record = Recorder::new().record(tollgate_domain::Credential::Key(ada.key_id), "m", 1_000, 10);
    let expected = crate::reports::request_id(&record);
    house.enter(vec![record]).await;
    let entries = house.all(&ada.key, &format!("/admin/api/v1/users/{}/ledger", ada.id), 50).await;
    let ids: Vec<&Value> = entries.iter().map(|entry| &entry["request_id"]).collect();
    assert!(ids.contains(&&json!(expected)) && ids.contains(&&Value::Null), "{ids:?}");
    let receipt = house.get(&ada.key, &format!("/admin/api/v1/receipts/{expected}")).await.ok();
    assert_eq!(receipt["total"], "1.02");
}

#[tokio::test]
async fn the_page_comes_with_a_policy_that_allows_nothing_inline_and_files_by_their_name_alone() {
    let house = House::open().await;
    let page = house.get("", "/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("Tollgate") && !text.contains("<script>") && !text.contains("style="), "{text}");
    for path in ["/assets/nothing.js", "/assets/..%2findex.html", "/assets/%2e%2e%2f%2e%2e%2fpackage.json"] {
        assert_eq!(house.get("", path).await.problem().0, 404, "{path}");
    }
}
