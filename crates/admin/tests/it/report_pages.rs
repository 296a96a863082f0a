//! Where pages of usage and costs end, and what those of other kinds have.

use http::StatusCode;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential};

use crate::house::{House, start};
use crate::reports::Recorder;

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_page_ends_after_a_whole_bucket_before_it_has_more_than_5000_results_and_a_bucket_has_at_most_10000()
 {
    let house = House::open().await;
    let manager = house.manager().await;
    let first = start().as_second() / DAY * DAY - 6 * DAY;
    // Of so many keys on each day.
    let fill = format!(
        "insert into usage_rollups (hour, user_no, key_no, model_no, requests)
         select to_timestamp({first}) + d * interval '24 hours', 0, k, 0, 1
         from unnest(array[2000, 2500, 700, 7000, 0, 10001]) with ordinality as days (keys, n),
              lateral (select n - 1 as d) day, generate_series(1, keys) k"
    );
    house.store.tx("fill", async |tx| Ok(tx.batch_execute(&fill).await?)).await.unwrap();
    let path = format!(
        "/v1/organization/usage/completions?start_time={first}&end_time={}&limit=31&group_by=api_key_id",
        first + 6 * DAY
    );
    for is_closed in [false, true] {
        if is_closed {
            house.close_hours(start()).await;
        }
        let (mut pages, mut next) = (Vec::new(), String::new());
        let refused = loop {
            let answer = house.get(&manager.key, &format!("{path}{next}")).await;
            if answer.status != StatusCode::OK {
                break answer;
            }
            let page = answer.ok();
            let results = |bucket: &Value| bucket["results"].as_array().unwrap().len();
            pages.push(page["data"].as_array().unwrap().iter().map(results).collect::<Vec<_>>());
            next = format!("&page={}", page["next_page"].as_str().unwrap());
        };
        assert_eq!(pages, [vec![2000, 2500], vec![700], vec![7000]]);
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
        assert!(refused.json()["detail"].as_str().unwrap().contains("more than 10000 groups"));
    }
}

/// A client that asks for all kinds and adds them up gets each request once.
#[tokio::test]
async fn of_kinds_that_are_not_told_apart_there_are_all_buckets_and_nothing_in_them() {
    let house = House::open().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.001", "0.002").await;
    let mut recorder = Recorder::new();
    house.enter(vec![recorder.record(Credential::Key(ada.key_id), "m", 1_000, 500)]).await;
    let day = start().as_second() / DAY * DAY;
    let usage = "/v1/organization/usage";
    let question =
        format!("start_time={}&end_time={}&limit=2&group_by[]=model", day - 3 * DAY + 5, day + DAY);
    let completions = house.get(&ada.key, &format!("{usage}/completions?{question}")).await.ok();
    for kind in [
        "moderations",
        "images",
        "audio_speeches",
        "audio_transcriptions",
        "vector_stores",
        "code_interpreter_sessions",
        "file_search_calls",
        "web_search_calls",
    ] {
        let path = format!("{usage}/{kind}?{question}");
        let page = house.get(&ada.key, &path).await.ok();
        assert_eq!(page["data"], completions["data"], "{kind}: both are of days before the first request");
        let next = page["next_page"].as_str().unwrap();
        let last = house.get(&ada.key, &format!("{path}&page={next}")).await.ok();
        assert_eq!((&last["has_more"], &last["next_page"]), (&json!(false), &Value::Null));
        let results: Vec<&Value> =
            last["data"].as_array().unwrap().iter().map(|bucket| &bucket["results"]).collect();
        assert_eq!(results, [&json!([]), &json!([])], "{kind}");
        let other = house.get(&ada.key, &format!("{usage}/completions?{question}&page={next}")).await;
        assert_eq!(other.problem().0, 400);
        assert_eq!(house.get(&ada.key, &format!("{usage}/{kind}?limit=1")).await.problem().0, 400);
    }
    assert_eq!(house.get(&ada.key, &format!("{usage}/nothing?{question}")).await.problem().0, 404);
}
