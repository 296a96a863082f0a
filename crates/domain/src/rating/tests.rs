use super::*;
use crate::{ApiKeyPurpose, ModelId, PriceList, StatedUsage, TariffId};

fn tariff(input: &str, request: Option<&str>) -> Tariff {
    Tariff {
        id: TariffId::generate(),
        model: ModelId::generate(),
        purpose: ApiKeyPurpose::Realtime,
        completion_window: None,
        prices: PriceList {
            input_price: input.parse().unwrap(),
            output_price: input.parse().unwrap(),
            request_price: request.map(|price| price.parse().unwrap()),
            ..PriceList::default()
        },
        valid_from: jiff::Timestamp::UNIX_EPOCH,
        valid_until: None,
    }
}

fn ten_tokens() -> TokenUsage {
    TokenUsage::split(&StatedUsage { prompt_tokens: Some(10), ..StatedUsage::default() }).unwrap().0
}

fn state(
    user: Option<UserId>,
    status: i32,
    outcome: Outcome,
    source: UsageSource,
    tariff: Option<&Tariff>,
) -> (UsageState, String) {
    let usage = if source == UsageSource::None { TokenUsage::default() } else { ten_tokens() };
    let rated = rate(user, status, outcome, source, &usage, tariff).unwrap();
    (rated.state, rated.amount.to_string())
}

#[expect(clippy::unnecessary_wraps, reason = "every caller passes an optional payer")]
fn someone() -> Option<UserId> {
    Some(UserId::generate())
}

#[test]
fn stated_usage_is_charged_whatever_the_status() {
    let price = tariff("0.1", None);
    for status in [200, 400, 429, 500] {
        let rated = state(someone(), status, Outcome::Failed, UsageSource::Provider, Some(&price));
        assert_eq!(rated, (UsageState::Charged, "1".to_owned()), "{status}");
    }
}

#[test]
fn a_failed_request_without_usage_is_free() {
    let price = tariff("0.1", Some("5"));
    let refused = state(someone(), 500, Outcome::Completed, UsageSource::None, Some(&price));
    assert_eq!(refused, (UsageState::Free, "0".to_owned()));
    let error_in_stream = state(someone(), 200, Outcome::Failed, UsageSource::None, None);
    assert_eq!(error_in_stream, (UsageState::Free, "0".to_owned()));
}

#[test]
fn an_interrupted_request_is_voided_unless_its_tokens_are_known() {
    let price = tariff("0.1", Some("5"));
    for user in [None, someone()] {
        let unknown = state(user, 500, Outcome::Interrupted, UsageSource::None, Some(&price));
        assert_eq!(unknown, (UsageState::Voided, "0".to_owned()));
    }
    let estimated = state(someone(), 500, Outcome::Interrupted, UsageSource::Estimated, Some(&price));
    assert_eq!(estimated, (UsageState::Charged, "1".to_owned()));
    let without_a_price = state(someone(), 500, Outcome::Interrupted, UsageSource::Estimated, None);
    assert_eq!(without_a_price, (UsageState::Unrated, "0".to_owned()));
}

#[test]
fn nobody_and_the_system_user_pay_nothing() {
    let price = tariff("0.1", None);
    for user in [None, Some(UserId::SYSTEM)] {
        let rated = state(user, 200, Outcome::Completed, UsageSource::Provider, Some(&price));
        assert_eq!(rated, (UsageState::Free, "0".to_owned()));
    }
}

#[test]
fn no_price_is_unrated_and_a_price_of_zero_is_free() {
    let none = state(someone(), 200, Outcome::Completed, UsageSource::Provider, None);
    assert_eq!(none.0, UsageState::Unrated);
    let zero = state(someone(), 200, Outcome::Completed, UsageSource::Provider, Some(&tariff("0", None)));
    assert_eq!(zero.0, UsageState::Free);
}

#[test]
fn unknown_usage_is_never_zero() {
    let by_token = state(someone(), 200, Outcome::Completed, UsageSource::None, Some(&tariff("0.1", None)));
    assert_eq!(by_token.0, UsageState::Unrated);
    let by_request =
        state(someone(), 200, Outcome::Completed, UsageSource::None, Some(&tariff("0.1", Some("0.5"))));
    assert_eq!(by_request, (UsageState::Charged, "0.5".to_owned()));
    let free_model = state(someone(), 200, Outcome::Completed, UsageSource::None, Some(&tariff("0", None)));
    assert_eq!(free_model.0, UsageState::Free);
}

#[test]
fn a_failed_request_does_not_pay_the_price_of_a_request() {
    let rated =
        state(someone(), 502, Outcome::Failed, UsageSource::Provider, Some(&tariff("0.1", Some("0.5"))));
    assert_eq!(rated, (UsageState::Charged, "1".to_owned()));
}

#[test]
fn a_total_that_nobody_split_is_unrated_but_for_an_embedding() {
    let price = tariff("0.1", None);
    let total = StatedUsage { total_tokens: Some(10), ..StatedUsage::default() };
    let facts = RatingFacts {
        user: someone(),
        status_code: 200,
        outcome: Outcome::Completed,
        usage: total,
        usage_source: UsageSource::Provider,
    };
    let (rated, _) = facts.rate(Some(&price)).unwrap();
    assert_eq!((rated.state, rated.amount), (UsageState::Unrated, Credits::ZERO));
    let prompt = RatingFacts { usage: StatedUsage { prompt_tokens: Some(10), ..total }, ..facts };
    assert_eq!(prompt.rate(Some(&price)).unwrap().0.amount.to_string(), "1");
}

#[test]
fn the_lines_of_a_charge_sum_up_to_it_whatever_the_request() {
    let mut charged = 0;
    for status_code in [200, 500] {
        for outcome in Outcome::ALL {
            for usage_source in [UsageSource::Provider, UsageSource::Estimated, UsageSource::None] {
                for tariff in [tariff("0.1", None), tariff("0.1", Some("5")), tariff("0", Some("0"))] {
                    let usage = StatedUsage {
                        prompt_tokens: Some(10),
                        completion_tokens: Some(7),
                        cache_read_tokens: 30,
                        reasoning_tokens: 3,
                        ..StatedUsage::default()
                    };
                    let usage =
                        if usage_source == UsageSource::None { StatedUsage::default() } else { usage };
                    let facts = RatingFacts { user: someone(), status_code, outcome, usage, usage_source };
                    let (rated, _) = facts.rate(Some(&tariff)).unwrap();
                    let lines = facts.lines(&tariff).unwrap();
                    let sum: i128 = lines.iter().map(|line| line.amount().unwrap().pico()).sum();
                    assert_eq!(sum, rated.amount.pico(), "{facts:?} {lines:?}");
                    charged += usize::from(!lines.is_empty());
                }
            }
        }
    }
    assert!(charged > 20, "{charged}");
}
