//! Two tenants: by no id, filter, search or cursor does one see the other's rows.

use http::Method;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential};

use crate::house::{House, Tenant};
use crate::reports::{Recorder, request_id};

/// A tenant with a member's key, an inference key, a ledger, and what tells it from every other.
struct Side {
    member: Tenant,
    inference: Tenant,
    request: String,
}

async fn side(house: &House, name: &str, recorder: &mut Recorder) -> Side {
    let member = house.tenant(name, ApiKeyPurpose::Platform, None).await;
    let (key_id, key) = house.key(member.id, ApiKeyPurpose::Realtime, None).await;
    house.grant(member.id, "10", &format!("{name}-grant")).await;
    house.grant(member.id, "11", &format!("{name}-second")).await;
    let record = recorder.record(Credential::Key(key_id), "m", 1_000, 10);
    let request = request_id(&record);
    house.enter(vec![record]).await;
    let inference = Tenant { key_id, key, ..member.clone() };
    Side { member, inference, request }
}

#[tokio::test]
async fn no_id_filter_search_or_cursor_shows_another_tenants_rows() {
    let house = House::open().await;
    house.manager().await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let ada = side(&house, "ada", &mut recorder).await;
    let bob = side(&house, "bob", &mut recorder).await;
    let bobs = [
        bob.member.id.to_string(),
        bob.member.key_id.to_string(),
        bob.inference.key_id.to_string(),
        "bob".to_owned(),
        bob.inference.key[..10].to_owned(),
        bob.request.clone(),
    ];
    let says_nothing_of_bob = |text: &str, path: &str| {
        for secret in &bobs {
            // What was asked for may be said again, where it is all that is said.
            assert!(path.contains(secret) || !text.contains(secret), "{path}: {secret} in {text}");
        }
    };
    let session = house.signs_in(ada.member.id).await;
    for key in [&ada.member.key, &ada.inference.key, &session] {
        // By id: as if they were not there.
        for path in [
            format!("/admin/api/v1/users/{}", bob.member.id),
            format!("/admin/api/v1/users/{}/ledger", bob.member.id),
            format!("/admin/api/v1/users/{}/usage", bob.member.id),
            format!(
                "/admin/api/v1/usage-series?since=2026-11-24T00:00:00Z&bucket=hour&user_id={}",
                bob.member.id
            ),
            format!("/admin/api/v1/receipts/{}", bob.request),
            format!("/api/v1/generation?id={}", bob.request),
        ] {
            let reply = house.get(key, &path).await;
            assert_eq!(reply.problem().0, 404, "{path}");
            let nowhere = path
                .replace(&bob.member.id.to_string(), "00000000-0000-4000-8000-000000000000")
                .replace(&bob.request, "00000000-0000-4000-8000-000000000000-1");
            assert_eq!(
                reply.json(),
                house.get(key, &nowhere).await.json(),
                "{path}: told from one that is not there"
            );
        }
        // By filter and search: nothing of it.
        let from = 1_790_000_000;
        for path in [
            format!(
                "/v1/organization/usage/completions?start_time={from}&group_by=user_id&group_by=api_key_id"
            ),
            format!(
                "/v1/organization/usage/completions?start_time={from}&user_ids={}&group_by=user_id",
                bob.member.id
            ),
            format!(
                "/v1/organization/usage/completions?start_time={from}&api_key_ids={}",
                bob.inference.key_id
            ),
            format!("/v1/organization/costs?start_time={from}&group_by=api_key_id"),
            format!("/v1/organization/costs?start_time={from}&api_key_ids={}", bob.inference.key_id),
            format!("/admin/api/v1/users/{}/ledger?api_key_id={}", ada.member.id, bob.inference.key_id),
            format!("/admin/api/v1/users/{}/ledger?search=bob", ada.member.id),
            format!("/admin/api/v1/users/{}/ledger", ada.member.id),
            format!("/admin/api/v1/users/{}/usage?group_by=key", ada.member.id),
            "/api/v1/credits".to_owned(),
            "/api/v1/key".to_owned(),
        ] {
            // A session is no key.
            if *key == session && path == "/api/v1/key" {
                assert_eq!(house.get(key, &path).await.problem().0, 404);
                continue;
            }
            let reply = house.get(key, &path).await;
            let body = reply.ok();
            says_nothing_of_bob(&body.to_string(), &path);
            if path.contains("bob") || path.contains(&bobs[0]) || path.contains(&bobs[2]) {
                let rows = body["data"].as_array().unwrap();
                let is_empty =
                    rows.iter().all(|bucket| bucket["results"].as_array().is_some_and(Vec::is_empty));
                assert!(is_empty, "{path}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn a_member_manages_no_key_but_its_own_users() {
    let house = House::open().await;
    house.manager().await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let ada = side(&house, "ada", &mut recorder).await;
    let bob = side(&house, "bob", &mut recorder).await;
    let keys = "/admin/api/v1/api-keys";
    let session = house.signs_in(ada.member.id).await;
    for key in [&ada.member.key, &session] {
        let listed = house.all(key, keys, 1).await;
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().all(|row| row["user_id"] == json!(ada.member.id)));
        let path = format!("{keys}?user_id={}", bob.member.id);
        assert_eq!(house.get(key, &path).await.problem().0, 404);
        for of_bob in [bob.member.key_id, bob.inference.key_id] {
            assert_eq!(house.get(key, &format!("{keys}/{of_bob}")).await.problem().0, 404);
            let revoke = format!("{keys}/{of_bob}/revoke");
            assert_eq!(house.post(key, &revoke, &Value::Null).await.problem().0, 404);
            let rotate = format!("{keys}/{of_bob}/rotate");
            assert_eq!(house.post(key, &rotate, &json!({ "overlap_seconds": 60 })).await.problem().0, 404);
        }
    }
    let live = house.rows("select 1 from api_keys where revoked_at is null and revoke_at is null").await;
    assert_eq!(live.len(), 5);
}

#[tokio::test]
async fn a_cursor_of_one_tenant_is_no_cursor_of_another() {
    let house = House::open().await;
    let manager = house.manager().await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let ada = side(&house, "ada", &mut recorder).await;
    let bob = side(&house, "bob", &mut recorder).await;
    let from = 1_790_000_000;
    for (path_of, cursor, parameter) in [
        ("/admin/api/v1/api-keys?limit=1".to_owned(), "next_cursor", "cursor"),
        ("/admin/api/v1/users/ID/ledger?limit=1".to_owned(), "next_cursor", "cursor"),
        (format!("/v1/organization/usage/completions?start_time={from}&limit=1"), "next_page", "page"),
    ] {
        let path = |side: &Side| path_of.replace("ID", &side.member.id.to_string());
        for giver in [&bob.member.key, &manager.key] {
            let page = house.get(giver, &path(&bob)).await.ok();
            let cursor = page[cursor].as_str().unwrap();
            let reply = house.get(&ada.member.key, &format!("{}&{parameter}={cursor}", path(&ada))).await;
            assert_eq!(reply.problem(), (400, "bad_request".to_owned()), "{path_of}");
        }
        let own = house.get(&ada.member.key, &path(&ada)).await.ok();
        let next = format!("{}&{parameter}={}", path(&ada), own[cursor].as_str().unwrap());
        house.get(&ada.member.key, &next).await.ok();
    }
    let credits = format!("/admin/api/v1/users/{}/credits", bob.member.id);
    let grant = json!({ "type": "admin_grant", "amount": "1" });
    let headers = [("idempotency-key", "k")];
    let reply = house.write_with(Method::POST, &ada.member.key, &credits, &grant, &headers).await;
    assert_eq!(reply.problem().0, 403);
}

/// What has been added since: lines of batches, pages of them, minutes, series, limits, previews of prices.
#[tokio::test]
async fn lines_minutes_series_limits_and_previews_show_nothing_of_another_tenant() {
    let house = House::open().await;
    let manager = house.manager().await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    let ada = side(&house, "ada", &mut recorder).await;
    let bob = side(&house, "bob", &mut recorder).await;
    // Both have a batch of one and the same id, as their clients chose it.
    let batch = uuid::Uuid::new_v4();
    for side in [&ada, &bob] {
        let mut records = Vec::new();
        for tokens in 1..=4 {
            let mut record = recorder.record(Credential::Key(side.inference.key_id), "m", 1_000 * tokens, 7);
            record.batch.batch_id = (tokens > 1).then_some(batch);
            record.batch.custom_id = Some(format!("custom of {}", side.member.id));
            records.push(record);
        }
        house.enter(records).await;
    }
    let limit = json!({ "monthly_cap": "1234.5", "requests_per_minute": 77 });
    for of in [format!("users/{}", bob.member.id), format!("api-keys/{}", bob.inference.key_id)] {
        house.write(Method::PATCH, &manager.key, &format!("/admin/api/v1/{of}/limits"), &limit).await.ok();
    }
    let ledger = |side: &Side| format!("/admin/api/v1/users/{}/ledger", side.member.id);
    let lines = house.all(&bob.member.key, &format!("{}?in_lines=true", ledger(&bob)), 500).await;
    let bobs_line = lines.iter().find_map(|row| row["line"]["id"].as_str()).unwrap().to_owned();
    let bobs = [
        bob.member.id.to_string(),
        bob.inference.key_id.to_string(),
        bob.request.clone(),
        "1234.5".to_owned(),
    ];
    let session = house.signs_in(ada.member.id).await;
    let model = house.get(&manager.key, "/admin/api/v1/models").await.ok()["data"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for key in [&ada.member.key, &ada.inference.key, &session] {
        let from = 1_795_521_600;
        for path in [
            format!("{}?in_lines=true", ledger(&ada)),
            format!("{}?batch_id={batch}", ledger(&ada)),
            format!("{}?in_lines=true&batch_id={batch}", ledger(&ada)),
            format!("{}?line={bobs_line}", ledger(&ada)),
            format!("{}?in_lines=true&search={batch}", ledger(&ada)),
            format!("{}?in_lines=true&api_key_id={}", ledger(&ada), bob.inference.key_id),
            format!(
                "/v1/organization/usage/completions?start_time={from}&bucket_width=1m&limit=1440&group_by=user_id&group_by=api_key_id"
            ),
            format!(
                "/v1/organization/usage/completions?start_time={from}&bucket_width=1h&api_key_ids={}",
                bob.inference.key_id
            ),
            "/admin/api/v1/usage-series?since=2026-11-24T00:00:00Z&bucket=hour&group_by=key".to_owned(),
            format!(
                "/admin/api/v1/usage-series?since=2026-11-24T00:00:00Z&bucket=hour&group_by=user&api_key_id={}",
                bob.inference.key_id
            ),
        ] {
            let reply = house.get(key, &path).await;
            assert!(reply.status.is_success() || reply.status.as_u16() == 404, "{path}: {reply:?}");
            let said = String::from_utf8_lossy(&reply.body).into_owned();
            for secret in &bobs {
                assert!(path.contains(secret) || !said.contains(secret), "{path}: {secret} in {said}");
            }
            assert!(
                !path.contains("line=") || path.contains("in_lines") || reply.json()["data"] == json!([]),
                "{path}: {said}"
            );
        }
        // Of the shared batch each sees its own three.
        let own = house.get(key, &format!("{}?batch_id={batch}", ledger(&ada))).await.ok();
        assert_eq!(own["data"].as_array().unwrap().len(), 3);
        let own = house.all(key, &format!("{}?in_lines=true&batch_id={batch}", ledger(&ada)), 50).await;
        assert_eq!((own.len(), &own[0]["line"]["entries"]), (1, &json!(3)));
        // What is the operator's is nobody else's.
        let preview = format!("/admin/api/v1/models/{model}/tariffs/preview");
        assert_eq!(house.post(key, &preview, &json!({ "tariffs": [] })).await.problem().0, 403);
        let set = format!("/admin/api/v1/api-keys/{}/limits", bob.inference.key_id);
        assert!(matches!(house.write(Method::PATCH, key, &set, &limit).await.problem().0, 403 | 404));
        let limits = house.get(key, "/admin/api/v1/limits").await;
        assert!(
            bobs.iter().all(|secret| !String::from_utf8_lossy(&limits.body).contains(secret)),
            "{limits:?}"
        );
    }
    // Nor does a cursor lead over: neither another's, nor one's own in another's list.
    for (of, by) in [(&bob, &ada), (&ada, &bob)] {
        let path = format!("{}?in_lines=true&limit=1", ledger(of));
        let page = house.get(&of.member.key, &path).await.ok();
        let cursor = page["next_cursor"].as_str().unwrap();
        let own = format!("{}?in_lines=true&limit=1&cursor={cursor}", ledger(by));
        assert_eq!(house.get(&by.member.key, &own).await.problem().0, 400);
        assert_eq!(house.get(&by.member.key, &format!("{path}&cursor={cursor}")).await.problem().0, 404);
    }
}
