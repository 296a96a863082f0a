//! Tariff lines drawn as text: `price@from..until`, an empty `until` is open; now is 100.

use std::fmt::Write as _;

use jiff::Timestamp;
use tollgate_domain::{ApiKeyPurpose, PriceList, PricePerToken, TariffId};

use super::plan::{self, Plan};
use super::{StoredTariff, WantedTariff};

const NOW: i64 = 100;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn prices(pico: i64) -> PriceList {
    PriceList { input_price: PricePerToken::from_pico(pico).unwrap(), ..PriceList::default() }
}

fn wanted(price: i64, from: Option<i64>) -> WantedTariff {
    WantedTariff { prices: prices(price), valid_from: from.map(at), ..WantedTariff::default() }
}

fn stored(lines: &str) -> Vec<StoredTariff> {
    let row = |line: &str| {
        let (price, interval) = line.split_once('@').unwrap();
        let (from, until) = interval.split_once("..").unwrap();
        StoredTariff {
            id: TariffId::generate(),
            purpose: ApiKeyPurpose::Realtime,
            completion_window: None,
            prices: prices(price.parse().unwrap()),
            valid_from: at(from.parse().unwrap()),
            valid_until: until.parse().ok().map(at),
        }
    };
    lines.split_whitespace().map(row).collect()
}

/// The lines after the plan, in order of their opening.
fn after(lines: &str, plan: &Plan) -> String {
    let mut rows = stored(lines);
    for (index, end) in &plan.ends {
        rows[*index].valid_until = *end;
    }
    rows.extend(plan.openings.iter().map(|opening| StoredTariff {
        id: TariffId::generate(),
        purpose: opening.purpose,
        completion_window: opening.completion_window.clone(),
        prices: opening.prices,
        valid_from: opening.from,
        valid_until: opening.until,
    }));
    rows.sort_by_key(|row| (row.valid_from, row.valid_until.unwrap_or(Timestamp::MAX)));
    let mut text = String::new();
    for row in rows {
        let until = row.valid_until.map(|until| until.as_second().to_string()).unwrap_or_default();
        write!(text, "{}@{}..{until} ", row.prices.input_price.pico(), row.valid_from.as_second()).unwrap();
    }
    text.trim_end().to_owned()
}

#[track_caller]
fn replaced(lines: &str, list: &[WantedTariff], expected: &str) {
    assert_eq!(after(lines, &plan::replace(&stored(lines), list, at(NOW)).unwrap()), expected);
}

#[track_caller]
fn set(lines: &str, new: &WantedTariff, expected: &str) {
    assert_eq!(after(lines, &plan::set(&stored(lines), new, at(NOW))), expected);
}

#[test]
fn what_is_gone_closes_what_changed_opens_what_is_equal_stays() {
    replaced("", &[wanted(1, None)], "1@100..");
    replaced("1@10..", &[wanted(2, None)], "1@10..100 2@100..");
    replaced("1@10..", &[], "1@10..100");
    replaced("1@10..", &[wanted(1, None)], "1@10..");
    assert_eq!(plan::replace(&stored("1@10.."), &[wanted(1, None)], at(NOW)).unwrap().unchanged, 1);
}

#[test]
fn what_has_ended_is_never_touched() {
    replaced("1@10..50 2@50..", &[wanted(1, None)], "1@10..50 2@50..100 1@100..");
    replaced("1@10..50", &[], "1@10..50");
}

#[test]
fn a_price_of_tomorrow_is_scheduled_and_intervals_abut() {
    replaced("1@10..", &[wanted(1, None), wanted(2, Some(200))], "1@10..200 2@200..");
    replaced("1@10..200 2@200..", &[wanted(1, None)], "1@10.. 2@200..200");
    replaced("1@10..200 2@200..", &[wanted(1, None), wanted(3, Some(300))], "1@10..300 2@200..200 3@300..");
    replaced("1@10..200 2@200..", &[wanted(2, None)], "1@10..100 2@100.. 2@200..200");
}

#[test]
fn a_price_of_yesterday_opens_there_and_leaves_what_was_in_force_as_it_was() {
    replaced("", &[wanted(1, Some(50))], "1@50..");
    replaced("", &[wanted(1, Some(20)), wanted(2, Some(50))], "1@20..50 2@50..");
    replaced("1@60..", &[wanted(2, Some(50))], "2@50.. 1@60..100");
    replaced("1@60..", &[wanted(1, Some(50))], "1@50..60 1@60..");
    replaced("1@10..20 2@40..60", &[wanted(3, Some(5))], "3@5.. 1@10..20 2@40..60");
    set("1@20..", &wanted(2, Some(50)), "1@20..100 2@50..");
    set("1@20..100 2@50..", &wanted(3, Some(70)), "1@20..100 2@50..100 3@70..");
}

#[test]
fn another_price_at_an_opening_that_is_history_opens_now() {
    set("1@50..", &wanted(2, Some(50)), "1@50..100 2@100..");
    replaced("1@20..50 2@50..", &[wanted(3, Some(20)), wanted(2, Some(50))], "1@20..50 2@50..");
}

#[test]
fn two_openings_at_one_instant_are_refused() {
    let error = plan::replace(&[], &[wanted(1, None), wanted(2, None)], at(NOW)).unwrap_err().to_string();
    assert!(error.contains("two tariffs for purpose realtime open at the same time"), "{error}");
}

#[test]
fn set_changes_its_own_purpose_and_window_only() {
    let mut others = stored("1@10.. 5@10..");
    others[1].purpose = ApiKeyPurpose::Batch;
    others[1].completion_window = Some("24h".to_owned());
    let plan = plan::set(&others, &wanted(2, None), at(NOW));
    assert_eq!(plan.ends, [(0, Some(at(NOW)))]);
    assert_eq!(plan.openings.len(), 1);
}

#[test]
fn set_for_tomorrow_keeps_today_and_withdraws_what_comes_after() {
    set("1@10..", &wanted(2, Some(200)), "1@10..200 2@200..");
    set("1@10..150 2@150..300 3@300..", &wanted(4, Some(200)), "1@10..150 2@150..200 4@200.. 3@300..300");
    set("1@10..", &wanted(1, None), "1@10..");
    set("1@10..200 2@200..", &wanted(3, None), "1@10..100 3@100.. 2@200..200");
}

#[test]
fn a_clock_that_went_back_withdraws_what_opened_after_it() {
    replaced("1@10..105 2@105..", &[wanted(3, None)], "1@10..100 3@100.. 2@105..105");
}

#[test]
fn a_tariff_in_a_file_says_its_prices_as_text_and_nothing_unknown() {
    let parsed: Vec<WantedTariff> = serde_json::from_str(
        r#"[{"input_price": "0.00001", "output_price": "0.00003"},
            {"purpose": "batch", "window": "24h", "input_price": "0", "output_price": "0", "valid_from": "2026-01-01T00:00:00Z"}]"#,
    )
    .unwrap();
    assert_eq!(parsed[0].prices.input_price.to_string(), "0.00001");
    assert_eq!(parsed[1].completion_window.as_deref(), Some("24h"));
    for bad in [
        r#"{"input_price": "1"}"#,
        r#"{"input_price": "1", "output_price": "1", "inptu_price": "1"}"#,
        r#"{"input_price": "0.0000000000001", "output_price": "1"}"#,
        r#"{"input_price": "-1", "output_price": "1"}"#,
        r#"{"input_price": 0.1, "output_price": "1"}"#,
    ] {
        serde_json::from_str::<WantedTariff>(bad).unwrap_err();
    }
}
