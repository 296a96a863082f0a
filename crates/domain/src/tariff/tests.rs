use super::*;
use crate::PricePerToken;

use ApiKeyPurpose::{Batch, Platform, Playground, Realtime};

fn at(time: &str) -> Timestamp {
    format!("2026-01-01T{time}Z").parse().unwrap()
}

/// `price` tells the tariffs of a test apart.
fn tariff(
    price: i64,
    purpose: ApiKeyPurpose,
    window: Option<&str>,
    from: &str,
    until: Option<&str>,
) -> Tariff {
    Tariff {
        id: TariffId::generate(),
        model: ModelId::from_uuid(uuid::Uuid::nil()),
        purpose,
        completion_window: window.map(str::to_owned),
        prices: PriceList { input_price: PricePerToken::from_pico(price).unwrap(), ..PriceList::default() },
        valid_from: at(from),
        valid_until: until.map(at),
    }
}

fn best(tariffs: &[Tariff], purpose: Option<ApiKeyPurpose>, window: Option<&str>, time: &str) -> Option<i64> {
    find_best_tariff(tariffs, purpose, window, at(time)).map(|tariff| tariff.prices.input_price.pico())
}

fn price_list() -> Vec<Tariff> {
    vec![
        tariff(1, Realtime, None, "10:00:00", None),
        tariff(2, Batch, None, "10:00:00", None),
        tariff(3, Batch, Some("24h"), "10:00:00", None),
        tariff(4, Playground, None, "10:00:00", None),
    ]
}

#[test]
fn the_purpose_with_exactly_this_window_comes_first() {
    assert_eq!(best(&price_list(), Some(Batch), Some("24h"), "12:00:00"), Some(3));
}

#[test]
fn batch_and_realtime_have_their_own_prices() {
    assert_eq!(best(&price_list(), Some(Batch), None, "12:00:00"), Some(2));
    assert_eq!(best(&price_list(), Some(Realtime), None, "12:00:00"), Some(1));
    assert_eq!(best(&price_list(), Some(Playground), None, "12:00:00"), Some(4));
}

#[test]
fn a_purpose_without_a_price_falls_back_to_realtime() {
    let realtime_only = vec![tariff(1, Realtime, None, "10:00:00", None)];
    for purpose in [None, Some(Realtime), Some(Batch), Some(Playground), Some(Platform)] {
        assert_eq!(best(&realtime_only, purpose, Some("24h"), "12:00:00"), Some(1), "{purpose:?}");
    }
}

#[test]
fn an_unknown_window_pays_the_generic_price_and_never_another_windows() {
    assert_eq!(best(&price_list(), Some(Batch), Some("1h"), "12:00:00"), Some(2));
    let windows_only = vec![tariff(3, Batch, Some("24h"), "10:00:00", None)];
    assert_eq!(best(&windows_only, Some(Batch), Some("1h"), "12:00:00"), None);
    assert_eq!(best(&windows_only, Some(Batch), None, "12:00:00"), None);
    let realtime_window = vec![tariff(5, Realtime, Some("24h"), "10:00:00", None)];
    assert_eq!(best(&realtime_window, Some(Batch), Some("24h"), "12:00:00"), None);
}

#[test]
fn history_is_priced_as_it_was() {
    let history = vec![
        tariff(1, Realtime, None, "10:00:00", Some("11:00:00")),
        tariff(2, Realtime, None, "11:00:00", Some("12:00:00")),
        tariff(3, Realtime, None, "12:00:00", None),
    ];
    assert_eq!(best(&history, None, None, "10:30:00"), Some(1));
    assert_eq!(best(&history, None, None, "11:30:00"), Some(2));
    assert_eq!(best(&history, None, None, "23:00:00"), Some(3));
}

#[test]
fn valid_from_is_inside_and_valid_until_is_not() {
    let history = vec![
        tariff(1, Realtime, None, "10:00:00", Some("11:00:00")),
        tariff(2, Realtime, None, "11:00:00", Some("12:00:00")),
    ];
    assert_eq!(best(&history, None, None, "10:00:00"), Some(1));
    assert_eq!(best(&history, None, None, "10:59:59.999999"), Some(1));
    assert_eq!(best(&history, None, None, "11:00:00"), Some(2));
    assert_eq!(best(&history, None, None, "12:00:00"), None);
}

#[test]
fn a_future_tariff_is_not_used_and_none_is_none() {
    let future = vec![tariff(1, Realtime, None, "13:00:00", None)];
    assert_eq!(best(&future, None, None, "12:59:59.999999"), None);
    assert_eq!(best(&[], None, None, "12:00:00"), None);
}

#[test]
fn among_overlapping_versions_the_newest_wins_whatever_the_order() {
    let mut overlapping =
        vec![tariff(1, Realtime, None, "10:00:00", None), tariff(2, Realtime, None, "11:00:00", None)];
    assert_eq!(best(&overlapping, None, None, "12:00:00"), Some(2));
    overlapping.reverse();
    assert_eq!(best(&overlapping, None, None, "12:00:00"), Some(2));
}

#[test]
fn an_exact_window_wins_over_a_newer_generic_price() {
    let tariffs =
        vec![tariff(1, Batch, Some("24h"), "10:00:00", None), tariff(2, Batch, None, "11:00:00", None)];
    assert_eq!(best(&tariffs, Some(Batch), Some("24h"), "12:00:00"), Some(1));
}
