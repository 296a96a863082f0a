//! What models cost, and what is left of what was charged: held against requests that are priced one by one.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::{
    ApiKeyPurpose, Credential, Credits, PriceList, PricePerToken, RawAnalyticsRecord, TokenUsage, charge,
};
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, Tenant, start};
use crate::reports::{Recorder, filled, random_records, request_id};

const MARGINS: &str = "/admin/api/v1/margin-series";
const SINCE: &str = "since=2026-11-19T00:00:00Z&until=2026-11-24T13:00:00Z&top=20";
/// Some days, and hours that begin and end within days.
const STRETCHES: [(&str, &str, &str); 2] = [
    ("day", "2026-11-19T00:00:00Z", "2026-11-24T13:00:00Z"),
    ("hour", "2026-11-20T05:00:00Z", "2026-11-23T20:00:00Z"),
];

/// Prices of input, output, cache reads, cache writes, reasoning and requests, from some hour on.
type Price = (&'static str, [Option<&'static str>; 6]);

/// A change within a day, one at midnight, and one that is not in force yet.
const OF_LARGE: [Price; 4] = [
    ("2020-01-01T00:00:00Z", [Some("0.000002"), Some("0.000008"), None, None, None, None]),
    (
        "2026-11-21T14:00:00Z",
        [
            Some("0.000001500001"),
            Some("0.000009"),
            Some("0.0000001"),
            Some("0.000002"),
            Some("0.00001"),
            Some("0.001"),
        ],
    ),
    ("2026-11-23T00:00:00Z", [Some("0.0000019"), Some("0.00001"), Some("0"), None, None, None]),
    ("2027-01-01T00:00:00Z", [Some("9"), Some("9"), None, None, None, None]),
];
/// Of the time before nothing is known. Twice within a day.
const OF_SMALL: [Price; 2] = [
    ("2026-11-22T07:00:00Z", [Some("0.000000000001"), Some("0"), None, None, Some("0.000000000007"), None]),
    ("2026-11-22T19:00:00Z", [Some("0.000000000002"), Some("0.000000000001"), None, None, None, None]),
];

fn body(prices: &[Price]) -> Value {
    let names = [
        "input_price",
        "output_price",
        "cache_read_price",
        "cache_write_price",
        "reasoning_price",
        "request_price",
    ];
    let costs: Vec<Value> = prices
        .iter()
        .map(|(from, prices)| {
            let prices: serde_json::Map<_, _> =
                names.iter().zip(prices).map(|(name, price)| ((*name).to_owned(), json!(price))).collect();
            json!({ "valid_from": from, "prices": prices })
        })
        .collect();
    json!({ "costs": costs })
}

async fn path_of(house: &House, alias: &str) -> String {
    let rows = house.rows(&format!("select id from deployed_models where alias = '{alias}'")).await;
    format!("/admin/api/v1/models/{}/costs", rows[0]["id"].as_str().unwrap())
}

async fn put(house: &House, key: &str, alias: &str, prices: &[Price]) -> Value {
    let path = path_of(house, alias).await;
    house.write(Method::PUT, key, &path, &body(prices)).await.ok()
}

/// What some requests come to, one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ByHand {
    requests: i64,
    amount: i128,
    cost: i128,
    is_any_costed: bool,
    uncosted_requests: i64,
    uncosted_tokens: i64,
    uncosted_amount: i128,
}

impl ByHand {
    fn add(&mut self, row: &Value, prices: &[Price]) {
        let number = |name: &str| row[name].as_i64().unwrap_or(0);
        let amount = pico(row["amount"].as_str().unwrap());
        let at: Timestamp = row["at"].as_str().unwrap().parse().unwrap();
        let succeeded = i64::from(number("status") < 300);
        let in_force = prices.iter().rev().find(|(from, _)| from.parse::<Timestamp>().unwrap() <= at);
        let (input, output) = (number("input"), number("output"));
        self.requests += 1;
        self.amount += amount;
        let Some((_, prices)) = in_force else {
            self.uncosted_requests += succeeded;
            self.uncosted_tokens += input + output;
            self.uncosted_amount += amount;
            return;
        };
        self.is_any_costed = true;
        let price = |at: usize, or: usize| pico(prices[at].or(prices[or]).unwrap());
        let request = prices[5].map_or(0, pico);
        let (read, written, reasoning) = (number("read"), number("written"), number("reasoning"));
        for (quantity, price) in [
            (input - read - written, price(0, 0)),
            (read, price(2, 0)),
            (written, price(3, 0)),
            (output - reasoning, price(1, 1)),
            (reasoning, price(4, 1)),
            (succeeded, request),
        ] {
            self.cost += i128::from(quantity) * price;
        }
    }

    fn cost(&self) -> Value {
        let is_nothing_uncosted = self.uncosted_requests == 0 && self.uncosted_tokens == 0;
        if self.is_any_costed || is_nothing_uncosted { credits(self.cost) } else { Value::Null }
    }

    fn margin(&self) -> Value {
        match self.cost() {
            Value::Null => Value::Null,
            _ => credits(self.amount - self.uncosted_amount - self.cost),
        }
    }
}

fn pico(text: &str) -> i128 {
    text.parse::<Credits>().unwrap().pico()
}

fn credits(pico: i128) -> Value {
    json!(Credits::from_pico(pico).unwrap())
}

/// Every request, and what tells it from others.
async fn requests(house: &House, filter: &str) -> Vec<Value> {
    let sql = format!(
        "select to_char(\"timestamp\" at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as at,
                to_char(\"timestamp\" at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24\":00:00Z\"') as hour,
                to_char(\"timestamp\" at time zone 'UTC', 'YYYY-MM-DD\"T00:00:00Z\"') as day,
                user_id as user, api_key_id as key, case when model in ('large', 'small', 'vectors') then model end as model,
                status_code as status, prompt_tokens as input, completion_tokens as output, cache_read_tokens as read,
                cache_write_5m_tokens + cache_write_1h_tokens as written, reasoning_tokens as reasoning,
                trim_scale(total_cost)::text as amount
         from http_analytics where {filter}"
    );
    house.rows(&sql).await
}

/// Every grouping and every filter, in hours and days.
async fn compare(house: &House, key: &str, tenants: &[Tenant], of_large: &[Price], of_small: &[Price]) {
    let (ada, ada_key) = (tenants[0].id, tenants[1].key_id);
    let filters = [
        (String::new(), "true".to_owned()),
        (format!("&user_id={ada}"), format!("user_id = '{ada}'")),
        (format!("&api_key_id={ada_key}"), format!("api_key_id = '{ada_key}'")),
        ("&model=small".to_owned(), "model = 'small'".to_owned()),
    ];
    let mut compared = 0;
    for (query, filter) in &filters {
        for (bucket, since, until) in STRETCHES {
            let within = format!("\"timestamp\" >= '{since}' and \"timestamp\" < '{until}' and {filter}");
            let requests = requests(house, &within).await;
            for (by, top) in [
                ("nothing", 20),
                ("user", 20),
                ("key", 20),
                ("model", 20),
                ("user", 1),
                ("key", 1),
                ("model", 1),
            ] {
                let asked =
                    format!("since={since}&until={until}&bucket={bucket}&group_by={by}&top={top}{query}");
                let by_hand = |row: &Value, hand: &mut ByHand| {
                    let prices = match row["model"].as_str() {
                        Some("large") => of_large,
                        Some("small") => of_small,
                        _ => &[],
                    };
                    hand.add(row, prices);
                };
                let group_of =
                    |row: &Value| if by == "nothing" { "null".to_owned() } else { row[by].to_string() };
                let mut of_groups = BTreeMap::<String, ByHand>::new();
                for row in &requests {
                    by_hand(row, of_groups.entry(group_of(row)).or_default());
                }
                let of_largest = of_groups.iter().max_by_key(|(_, hand)| hand.amount);
                let largest = of_largest.map(|(group, _)| group.clone()).unwrap_or_default();
                let others = of_groups.len().saturating_sub(1);
                let place_of = |row: &Value| {
                    let group = group_of(row);
                    if top == 20 || group == largest { group } else { "others".to_owned() }
                };
                let mut expected = BTreeMap::<(String, String), ByHand>::new();
                let mut of_places = BTreeMap::<String, ByHand>::new();
                let mut total = ByHand::default();
                for row in &requests {
                    let start = row[bucket].as_str().unwrap().to_owned();
                    by_hand(row, expected.entry((place_of(row), start)).or_default());
                    by_hand(row, of_places.entry(place_of(row)).or_default());
                    by_hand(row, &mut total);
                }
                let path = format!("{MARGINS}?{asked}");
                let answer = house.get(key, &path).await.ok();
                // What both tell they tell alike.
                let series = house.get(key, &format!("/admin/api/v1/usage-series?{asked}")).await.ok();
                assert_eq!(answer["starts"], series["starts"], "{path}");
                assert_eq!(answer["groups"].as_array().unwrap().len(), of_places.len(), "{path}");
                for (at, group) in answer["groups"].as_array().unwrap().iter().enumerate() {
                    for told in ["id", "name", "prefix", "others", "requests", "amounts"] {
                        assert_eq!(series["groups"][at][told], group[told], "{path} {told}");
                    }
                    let name = if group["others"].is_null() {
                        if by == "model" { &group["name"] } else { &group["id"] }.to_string()
                    } else {
                        assert_eq!(group["others"], others, "{path}");
                        "others".to_owned()
                    };
                    check_sums(&group["total"], &of_places[&name], &path);
                    for (at, start) in answer["starts"].as_array().unwrap().iter().enumerate() {
                        let key = (name.clone(), start.as_str().unwrap().to_owned());
                        let hand = expected.remove(&key).unwrap_or_default();
                        let said = |of: &str| group[of][at].clone();
                        assert_eq!(said("requests"), hand.requests, "{path} {key:?}");
                        assert_eq!(said("amounts"), credits(hand.amount), "{path} {key:?}");
                        assert_eq!(said("costs"), hand.cost(), "{path} {key:?}");
                        assert_eq!(said("margins"), hand.margin(), "{path} {key:?}");
                        assert_eq!(said("uncosted_requests"), hand.uncosted_requests, "{path} {key:?}");
                        compared += usize::from(hand.requests > 0);
                    }
                }
                assert!(expected.is_empty(), "{path}: {expected:?}");
                check_sums(&answer["total"], &total, &path);
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
}

fn check_sums(said: &Value, hand: &ByHand, path: &str) {
    assert_eq!(said["requests"], hand.requests, "{path}");
    assert_eq!(said["amount"], credits(hand.amount), "{path}");
    assert_eq!((&said["cost"], &said["margin"]), (&hand.cost(), &hand.margin()), "{path}");
    assert_eq!(said["uncosted_requests"], hand.uncosted_requests, "{path}");
    assert_eq!(said["uncosted_tokens"], hand.uncosted_tokens, "{path}");
    assert_eq!(said["uncosted_amount"], credits(hand.uncosted_amount), "{path}");
}

/// Random ones with reasoning, and two for a model that there is not.
fn more_records(tenants: &[Tenant], seed: u64) -> Vec<RawAnalyticsRecord> {
    let mut records = random_records(tenants, seed, 300);
    for (place, record) in (0_i64..).zip(&mut records) {
        record.usage.reasoning_tokens = record.usage.completion_tokens.unwrap_or(0) * (place % 4) / 3;
    }
    let mut recorder = Recorder::new();
    let mut nothing = || recorder.record(Credential::Key(tenants[0].key_id), "nothing", 70, 7);
    let (answered, mut refused) = (nothing(), nothing());
    refused.status_code = 404;
    records.extend([answered, refused]);
    records
}

#[tokio::test]
async fn margin_is_that_of_requests_priced_by_hand_whichever_hours_are_closed_and_whenever_a_cost_becomes_known()
 {
    let house = House::open().await;
    let manager = house.manager().await.key;
    let tenants = filled(&house).await;
    house.enter(more_records(&tenants, 11)).await;
    // Of nothing is known what it costs, and that is not nothing.
    compare(&house, &manager, &tenants, &[], &[]).await;
    let unknown = house.get(&manager, &format!("{MARGINS}?{SINCE}&bucket=day")).await.ok();
    assert_eq!((&unknown["total"]["cost"], &unknown["total"]["margin"]), (&Value::Null, &Value::Null));
    put(&house, &manager, "large", &OF_LARGE).await;
    put(&house, &manager, "small", &OF_SMALL).await;
    compare(&house, &manager, &tenants, &OF_LARGE, &OF_SMALL).await;
    // In the middle of a day within which a cost changes, and before it changes for the second time.
    let some = start().checked_sub(SignedDuration::from_hours(47)).unwrap();
    assert_eq!(house.close_hours(some).await, "2026-11-22T12:00:00Z".parse().ok());
    compare(&house, &manager, &tenants, &OF_LARGE, &OF_SMALL).await;
    house.close_hours(start().checked_add(SignedDuration::from_hours(24)).unwrap()).await;
    house.enter(more_records(&tenants, 12)).await;
    compare(&house, &manager, &tenants, &OF_LARGE, &OF_SMALL).await;
    // History is corrected, and what is reported of it follows.
    put(&house, &manager, "large", &OF_LARGE[1..3]).await;
    put(&house, &manager, "small", &OF_SMALL[..1]).await;
    compare(&house, &manager, &tenants, &OF_LARGE[1..3], &OF_SMALL[..1]).await;
}

/// What a request costs at these prices, as a charge is made: parts beyond their whole are taken for the whole.
fn cost_of(
    record: &RawAnalyticsRecord,
    [input, output, read, written, reasoning, request]: [&str; 6],
) -> i128 {
    let price = |text: &str| text.parse::<PricePerToken>().unwrap();
    let prices = PriceList {
        input_price: price(input),
        output_price: price(output),
        cache_read_price: Some(price(read)),
        cache_write_5m_price: Some(price(written)),
        cache_write_1h_price: Some(price(written)),
        reasoning_price: Some(price(reasoning)),
        request_price: Some(price(request)),
        ..PriceList::default()
    };
    charge(&TokenUsage::split(&record.usage).unwrap().0, &prices).unwrap().pico()
}

#[tokio::test]
async fn what_a_provider_states_beyond_its_whole_costs_what_the_whole_does_wherever_all_requests_are_like_that()
 {
    const PRICES: [&str; 6] = ["0.000002", "0.000008", "0.0000001", "0.000003", "0.00001", "0.001"];
    let house = House::open().await;
    let manager = house.manager().await.key;
    house.model("large", "0.0000025", "0.00001").await;
    let (ada, bob, eve) = (
        house.tenant("ada", ApiKeyPurpose::Realtime, None).await,
        house.tenant("bob", ApiKeyPurpose::Realtime, None).await,
        house.tenant("eve", ApiKeyPurpose::Realtime, None).await,
    );
    let mut recorder = Recorder::new();
    let mut request =
        |tenant: &Tenant, [input, output]: [i64; 2], [read, written_5m, written_1h, reasoning]: [i64; 4]| {
            let mut record = recorder.record(Credential::Key(tenant.key_id), "large", input, output);
            record.usage.cache_read_tokens = read;
            record.usage.cache_write_5m_tokens = written_5m;
            record.usage.cache_write_1h_tokens = written_1h;
            record.usage.reasoning_tokens = reasoning;
            record
        };
    // Of one, everything is beyond its whole; of another, what is written to the cache beside what is read; of the third, nothing.
    let of_ada = vec![request(&ada, [100, 10], [900, 50, 0, 40]), request(&ada, [7, 0], [20_000, 0, 3, 5])];
    let of_bob = vec![request(&bob, [1_000, 50], [600, 300, 500, 50]), request(&bob, [10, 3], [0, 4, 9, 2])];
    let of_eve = vec![request(&eve, [30_000, 2_000], [1_000, 100, 50, 500])];
    let by_hand =
        |records: &[RawAnalyticsRecord]| records.iter().map(|record| cost_of(record, PRICES)).sum::<i128>();
    let of_each = [(&ada, by_hand(&of_ada)), (&bob, by_hand(&of_bob)), (&eve, by_hand(&of_eve))];
    let sums = request(&ada, [31_117, 2_063], [22_500, 454, 562, 597]);
    let in_one_sum = cost_of(&sums, PRICES) + 4 * pico(PRICES[5]);
    house.enter([of_ada, of_bob, of_eve].concat()).await;
    put(&house, &manager, "large", &[("2020-01-01T00:00:00Z", PRICES.map(Some))]).await;
    let day_later = start().checked_add(SignedDuration::from_hours(24)).unwrap();
    for is_closed in [false, true] {
        if is_closed {
            house.close_hours(day_later).await;
        }
        for bucket in ["hour", "day"] {
            let ask = async |rest: &str| {
                house.get(&manager, &format!("{MARGINS}?{SINCE}&bucket={bucket}{rest}")).await.ok()
            };
            let by_user = ask("&group_by=user").await;
            for (tenant, cost) in of_each {
                let group = by_user["groups"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|group| group["id"] == json!(tenant.id));
                let total = &group.unwrap()["total"];
                let charged = pico(total["amount"].as_str().unwrap());
                assert_eq!(total["cost"], credits(cost), "{bucket} {is_closed} {by_user}");
                assert_eq!(total["margin"], credits(charged - cost), "{bucket} {is_closed}");
                let alone = ask(&format!("&group_by=model&user_id={}", tenant.id)).await;
                assert_eq!(alone["total"]["cost"], credits(cost), "{bucket} {is_closed}");
            }
            // What remains: in one sum with requests that have room, what is beyond a whole is not seen. It costs what the sum of all
            // parts does, here less than the requests one by one, and never more of a part than there is of the whole.
            let together = ask("").await["total"]["cost"].clone();
            assert_eq!(together, credits(in_one_sum), "{bucket} {is_closed}");
            assert!(pico(together.as_str().unwrap()) < of_each.iter().map(|(_, cost)| cost).sum::<i128>());
        }
    }
}

#[tokio::test]
async fn what_a_model_costs_is_a_history_that_may_be_corrected_and_each_change_is_in_the_audit_log() {
    let house = House::open().await;
    let billing = house.tenant("billing", ApiKeyPurpose::Platform, Some(PlatformRole::BillingManager)).await;
    let viewer = house.tenant("viewer", ApiKeyPurpose::Platform, Some(PlatformRole::Viewer)).await;
    house.model("large", "0.0000025", "0.00001").await;
    let path = path_of(&house, "large").await;
    let empty = house.get(&viewer.key, &path).await.ok();
    assert_eq!(empty["data"], json!([]));
    let change = put(&house, &billing.key, "large", &OF_LARGE).await;
    assert_eq!((change["set"].as_array().unwrap().len(), &change["replaced"]), (4, &json!([])));
    let listed = house.get(&viewer.key, &path).await.ok();
    assert_eq!(listed["data"], change["data"]);
    assert_eq!(listed["data"][1]["valid_from"], "2026-11-21T14:00:00Z");
    assert_eq!(listed["data"][1]["prices"]["input_price"], "0.000001500001");
    assert_eq!(listed["data"][0]["prices"]["cache_read_price"], Value::Null);
    // The same again is no change, and no entry.
    let again = put(&house, &billing.key, "large", &OF_LARGE).await;
    assert_eq!((&again["set"], &again["replaced"]), (&json!([]), &json!([])));
    let refused = house.write(Method::PUT, &viewer.key, &path, &body(&[])).await;
    assert_eq!(refused.problem().0, 403);

    let one = |from: &str| json!({ "costs": [{ "valid_from": from, "prices": { "input_price": "1", "output_price": "1" } }] });
    for (wanted, said) in [
        (one("2026-11-24T12:30:00Z"), "a full hour of UTC"),
        (one("2026-11-24T12:00:00.000001Z"), "a full hour of UTC"),
        (one("2026-11-24T12:00:00+05:30"), "a full hour of UTC"),
        (one("1969-12-31T00:00:00Z"), "before 1970"),
        (body(&[OF_LARGE[0], OF_LARGE[0]]), "the same hour"),
        (
            json!({ "costs": [{ "valid_from": "2026-01-01T00:00:00Z", "prices": { "input_price": "-1", "output_price": "1" } }] }),
            "",
        ),
        (
            json!({ "costs": [{ "valid_from": "2026-01-01T00:00:00Z", "prices": { "input_price": "0.0000000000001", "output_price": "1" } }] }),
            "",
        ),
        (
            json!({ "costs": [{ "valid_from": "2026-01-01T00:00:00Z", "prices": { "input_price": "1", "output_price": "1", "audio_input_price": "1" } }] }),
            "audio_input_price",
        ),
    ] {
        let refused = house.write(Method::PUT, &billing.key, &path, &wanted).await;
        assert_eq!(refused.problem().0, 422, "{wanted}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(said), "{wanted}: {}", refused.json());
    }
    let nowhere = "/admin/api/v1/models/00000000-0000-4000-8000-000000000000/costs";
    assert_eq!(house.get(&viewer.key, nowhere).await.problem().0, 404);

    // A deleted model keeps its own, and they can be corrected: its requests are still in the reports.
    let manager = house.manager().await.key;
    let model = path.trim_end_matches("/costs");
    house.write(Method::DELETE, &manager, model, &Value::Null).await.ok();
    assert_eq!(house.get(&viewer.key, &path).await.ok()["data"], change["data"]);
    let corrected = house.write(Method::PUT, &billing.key, &path, &body(&OF_LARGE[..1])).await.ok();
    assert_eq!(corrected["replaced"].as_array().unwrap().len(), 3);

    let entries = house.rows("select * from audit_log where action like 'cost.%' order by at").await;
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[0]["action"], &entries[0]["subject"]), (&json!("cost.replace"), &json!("large")));
    assert_eq!((&entries[0]["before"], &entries[1]["after"]), (&json!([]), &json!([])));
    assert_eq!(entries[1]["before"][2]["input_price"], "9");
}

#[tokio::test]
async fn of_two_who_read_the_same_costs_and_change_them_at_once_one_is_told_to_read_again() {
    let house = House::open().await;
    let manager = house.manager().await.key;
    house.model("large", "0.0000025", "0.00001").await;
    let path = path_of(&house, "large").await;
    let read = put(&house, &manager, "large", &OF_LARGE[..1]).await["data"].clone();
    let with_before = |prices: &[Price], before: &Value| {
        let mut body = body(prices);
        body["before"] = before.clone();
        body
    };
    // Each adds another price to what both have read.
    let (ada, bob) = (with_before(&OF_LARGE[..2], &read), with_before(&[OF_LARGE[0], OF_LARGE[2]], &read));
    let write = async |wanted: &Value| house.write(Method::PUT, &manager, &path, wanted).await;
    let (of_ada, of_bob) = tokio::join!(write(&ada), write(&bob));
    let ada_won = of_ada.status == StatusCode::OK;
    let (won, lost, again, late) =
        if ada_won { (of_ada, of_bob, ada, bob) } else { (of_bob, of_ada, bob, ada) };
    let won = won.ok();
    assert_eq!(lost.problem(), (409, "conflict".to_owned()));
    assert!(lost.json()["detail"].as_str().unwrap().contains("read them again"), "{}", lost.json());
    let listed = house.get(&manager, &path).await.ok();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"]), (2, &won["data"]));

    // Whoever won and was not told so may ask again; whoever lost may not, until they have read.
    assert_eq!(write(&again).await.ok()["set"], json!([]));
    assert_eq!(write(&late).await.problem().0, 409);
    assert_eq!(
        write(&with_before(&OF_LARGE[..3], &listed["data"])).await.ok()["set"].as_array().unwrap().len(),
        1
    );
    assert_eq!(write(&with_before(&[], &json!([]))).await.problem().0, 409);
}

#[tokio::test]
async fn a_customer_is_told_nothing_of_cost_or_margin_and_the_books_know_nothing_of_them() {
    let house = House::open().await;
    let manager = house.manager().await.key;
    let member = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    let (key_id, key) = house.key(member.id, ApiKeyPurpose::Realtime, None).await;
    house.tenant("bob", ApiKeyPurpose::Platform, None).await;
    house.model("large", "0.0000025", "0.00001").await;
    house.grant(member.id, "10", "a-grant").await;
    let record = Recorder::new().record(Credential::Key(key_id), "large", 1_000, 10);
    let request = request_id(&record);
    house.enter(vec![record]).await;
    let session = house.signs_in(member.id).await;
    let of_customers = [
        format!("/admin/api/v1/users/{}", member.id),
        format!("/admin/api/v1/users/{}/ledger", member.id),
        format!("/admin/api/v1/users/{}/usage", member.id),
        format!("/admin/api/v1/usage-series?{SINCE}&bucket=hour&group_by=model"),
        format!("/admin/api/v1/receipts/{request}"),
        format!("/api/v1/generation?id={request}"),
        "/v1/organization/costs?start_time=1790000000&group_by=line_item".to_owned(),
        "/v1/organization/usage/completions?start_time=1790000000&group_by=model".to_owned(),
        "/api/v1/credits".to_owned(),
    ];
    let told = async || {
        let mut told = Vec::new();
        for credential in [&member.key, &key, &session] {
            for path in &of_customers {
                let mut answer = house.get(credential, path).await.ok();
                // Sealed anew each time.
                if let Some(next) = answer.get_mut("next_page") {
                    *next = Value::Null;
                }
                told.push(answer.to_string());
            }
        }
        told
    };
    let books = async || {
        let mut books = Vec::new();
        for table in ["usage_records", "usage_rollups", "credits_transactions", "user_balances"] {
            books.push(house.rows(&format!("select md5(string_agg(t::text, '|')) from {table} t")).await);
        }
        books
    };
    let before = (told().await, books().await);
    put(&house, &manager, "large", &[("2020-01-01T00:00:00Z", [Some("0.000001717171"); 6])]).await;
    let series = format!("{MARGINS}?{SINCE}&bucket=hour&group_by=user");
    let margin = house.get(&manager, &series).await.ok();
    assert_eq!(margin["groups"][0]["total"]["cost"], "0.001736059881", "{margin}");
    assert_eq!((told().await, books().await), before);
    for text in &before.0 {
        assert!(!text.contains("margin") && !text.contains("uncosted"), "{text}");
    }
    let costs = path_of(&house, "large").await;
    for credential in [&member.key, &key, &session] {
        for path in [&series, &format!("{series}&user_id={}", member.id), &costs] {
            let refused = house.get(credential, path).await;
            assert_eq!(refused.problem(), (403, "forbidden".to_owned()), "{path}");
        }
        let refused = house.write(Method::PUT, credential, &costs, &body(&[])).await;
        assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
    }
}
