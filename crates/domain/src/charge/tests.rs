use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;
use crate::StatedUsage;

fn price(text: &str) -> PricePerToken {
    text.parse().unwrap()
}

fn prices(input: &str, output: &str) -> PriceList {
    PriceList { input_price: price(input), output_price: price(output), ..PriceList::default() }
}

fn usage(prompt: i64, completion: i64) -> TokenUsage {
    let stated = StatedUsage {
        prompt_tokens: Some(prompt),
        completion_tokens: Some(completion),
        ..StatedUsage::default()
    };
    TokenUsage::split(&stated).unwrap().0
}

#[test]
fn a_thousand_in_and_five_hundred_out_cost_exactly_this() {
    let cost = charge(&usage(1000, 500), &prices("0.00001", "0.00003")).unwrap();
    assert_eq!(cost, "0.025".parse().unwrap());
}

#[test]
fn a_kind_without_its_own_price_uses_inputs_or_outputs() {
    let stated = StatedUsage {
        prompt_tokens: Some(100),
        completion_tokens: Some(10),
        cache_read_tokens: 60,
        reasoning_tokens: 4,
        ..StatedUsage::default()
    };
    let (usage, _) = TokenUsage::split(&stated).unwrap();
    let plain = prices("0.01", "0.1");
    assert_eq!(charge(&usage, &plain).unwrap(), "2".parse().unwrap());
    let cached = PriceList { cache_read_price: Some(price("0.001")), ..plain };
    assert_eq!(charge(&usage, &cached).unwrap(), "1.46".parse().unwrap());
    let free_reasoning = PriceList { reasoning_price: Some(PricePerToken::ZERO), ..plain };
    assert_eq!(charge(&usage, &free_reasoning).unwrap(), "1.6".parse().unwrap());
}

#[test]
fn the_price_of_a_request_is_added_once() {
    let list = PriceList { request_price: Some(price("0.5")), ..prices("0.01", "0.1") };
    assert_eq!(charge(&usage(1, 1), &list).unwrap(), "0.61".parse().unwrap());
}

#[test]
fn a_charge_past_the_books_is_refused() {
    let too_much = charge(&usage(2_147_483_647, 0), &prices("9223372", "0"));
    assert!(matches!(too_much, Err(ChargeError::OutOfRange(_))));
}

#[test]
fn a_list_is_free_only_when_every_price_is_zero() {
    assert!(prices("0", "0").is_free());
    assert!(!prices("0", "0.1").is_free());
    assert!(!PriceList { reasoning_price: Some(price("0.1")), ..prices("0", "0") }.is_free());
}

fn any_price() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 0..1_000_i64, 0..1_000_000_000_i64]
}

fn any_stated() -> impl Strategy<Value = [i64; 9]> {
    proptest::array::uniform9(prop_oneof![Just(0), 0..10_000_i64, 0..2_000_000_i64])
}

fn stated(parts: [i64; 9]) -> StatedUsage {
    StatedUsage {
        prompt_tokens: Some(parts[..6].iter().sum()),
        completion_tokens: Some(parts[6..].iter().sum()),
        total_tokens: None,
        cache_read_tokens: parts[1],
        cache_write_5m_tokens: parts[2],
        cache_write_1h_tokens: parts[3],
        audio_input_tokens: parts[4],
        image_input_tokens: parts[5],
        reasoning_tokens: parts[7],
        audio_output_tokens: parts[8],
    }
}

fn list(pico: [i64; 9], own: [bool; 7]) -> PriceList {
    let p = |index: usize| PricePerToken::from_pico(pico[index]).unwrap();
    let optional = |index: usize| own[index].then(|| p(index + 2));
    PriceList {
        input_price: p(0),
        output_price: p(1),
        cache_read_price: optional(0),
        cache_write_5m_price: optional(1),
        cache_write_1h_price: optional(2),
        audio_input_price: optional(3),
        image_input_price: optional(4),
        reasoning_price: optional(5),
        audio_output_price: optional(6),
        request_price: None,
    }
}

proptest! {
    /// Against an independent computation: decimal text × big integers, no type of this crate.
    #[test]
    fn a_charge_is_exact(parts in any_stated(), pico in proptest::array::uniform9(any_price()), own in proptest::array::uniform7(any::<bool>())) {
        let (usage, clamped) = TokenUsage::split(&stated(parts)).unwrap();
        prop_assert!(!clamped);
        let rate = |kind: usize, base: usize| BigInt::from(if own[kind] { pico[kind + 2] } else { pico[base] });
        let expected = BigInt::from(parts[0]) * pico[0]
            + BigInt::from(parts[1]) * rate(0, 0)
            + BigInt::from(parts[2]) * rate(1, 0)
            + BigInt::from(parts[3]) * rate(2, 0)
            + BigInt::from(parts[4]) * rate(3, 0)
            + BigInt::from(parts[5]) * rate(4, 0)
            + BigInt::from(parts[6]) * pico[1]
            + BigInt::from(parts[7]) * rate(5, 1)
            + BigInt::from(parts[8]) * rate(6, 1);
        match charge(&usage, &list(pico, own)) {
            Ok(cost) => prop_assert_eq!(BigInt::from(cost.pico()), expected),
            Err(_) => prop_assert!(expected > BigInt::from(i64::MAX)),
        }
    }

    #[test]
    fn a_charge_is_monotone_and_never_negative(parts in any_stated(), more in 0_usize..9, extra in 1..1_000_i64, pico in proptest::array::uniform9(0..1_000_000_i64), own in proptest::array::uniform7(any::<bool>())) {
        let prices = list(pico, own);
        let mut larger = parts;
        larger[more] += extra;
        let before = charge(&TokenUsage::split(&stated(parts)).unwrap().0, &prices).unwrap();
        let after = charge(&TokenUsage::split(&stated(larger)).unwrap().0, &prices).unwrap();
        prop_assert!(before >= Credits::ZERO);
        prop_assert!(after >= before);
    }
}
