use proptest::prelude::*;
use tollgate_domain::{StatedUsage, TokenUsage, charge};

use super::*;

fn price(pico: i64) -> PricePerToken {
    PricePerToken::from_pico(pico).unwrap()
}

fn pico(amount: i128) -> Credits {
    Credits::from_pico(amount).unwrap()
}

const WANTED: Wanted = Wanted {
    body_bytes: 400,
    max_output_tokens: Some(1000),
    choices: 1,
    is_clear: true,
    usual_output_tokens: Some(64),
};

fn prices() -> PriceList {
    PriceList { input_price: price(10), output_price: price(100), ..PriceList::default() }
}

#[test]
fn most_is_a_token_for_each_byte_and_the_whole_limit() {
    let Estimate { expected, most, is_bounded, .. } = estimate(&WANTED, &prices());
    assert_eq!((expected, most, is_bounded), (pico(100 * 10 + 64 * 100), pico(400 * 10 + 1000 * 100), true));
}

#[test]
fn a_limit_below_what_is_usual_is_what_is_expected() {
    let wanted = Wanted { max_output_tokens: Some(10), ..WANTED };
    assert_eq!(estimate(&wanted, &prices()).expected, pico(100 * 10 + 10 * 100));
}

#[test]
fn each_of_several_answers_may_be_as_long_as_the_limit() {
    let wanted = Wanted { choices: 3, ..WANTED };
    assert_eq!(estimate(&wanted, &prices()).most, pico(400 * 10 + 3 * 1000 * 100));
}

#[test]
fn without_a_limit_nothing_is_bounded_and_more_than_usual_is_reckoned_with() {
    let wanted = Wanted { max_output_tokens: None, ..WANTED };
    let estimate = estimate(&wanted, &prices());
    assert!(!estimate.is_bounded);
    assert!(estimate.most > estimate.expected);
}

#[test]
fn a_limit_is_no_bound_where_something_else_decides() {
    let wanted = Wanted { is_clear: false, ..WANTED };
    let Estimate { most, is_bounded, .. } = estimate(&wanted, &prices());
    assert_eq!((most, is_bounded), (pico(400 * 10 + 1000 * 100), false));
}

#[test]
fn a_surface_that_gives_no_tokens_costs_its_prompt() {
    let wanted = Wanted { max_output_tokens: Some(0), usual_output_tokens: None, ..WANTED };
    let Estimate { expected, most, is_bounded, .. } = estimate(&wanted, &prices());
    assert_eq!((expected, most, is_bounded), (pico(1000), pico(4000), true));
}

proptest! {
    /// However the tokens fall into kinds, and whatever the prices are.
    #[test]
    fn no_text_within_its_limit_costs_more_than_most(
        prices in proptest::array::uniform9(0_i64..1_000_000_000),
        request_price in 0_i64..1_000_000_000,
        body_bytes in 0_u64..1_000_000,
        limit in 0_u64..100_000,
        shares in proptest::array::uniform9(0_u64..=100),
    ) {
        let [prompt, cached, written, hour, audio, image, completion, reasoning, spoken] = shares;
        let part = |of: u64, percent: u64| i64::try_from(of * percent / 100).unwrap();
        let prices: Vec<_> = prices.into_iter().map(price).collect();
        let list = PriceList {
            input_price: prices[0],
            output_price: prices[1],
            cache_read_price: Some(prices[2]),
            cache_write_5m_price: Some(prices[3]),
            cache_write_1h_price: Some(prices[4]),
            audio_input_price: Some(prices[5]),
            image_input_price: Some(prices[6]),
            reasoning_price: Some(prices[7]),
            audio_output_price: Some(prices[8]),
            request_price: Some(price(request_price)),
        };
        let (prompt, completion) = (part(body_bytes, prompt), part(limit, completion));
        let of = |whole: i64, percent: u64| part(whole.unsigned_abs(), percent / 5);
        let stated = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: None,
            cache_read_tokens: of(prompt, cached),
            cache_write_5m_tokens: of(prompt, written),
            cache_write_1h_tokens: of(prompt, hour),
            audio_input_tokens: of(prompt, audio),
            image_input_tokens: of(prompt, image),
            reasoning_tokens: of(completion, reasoning),
            audio_output_tokens: of(completion, spoken),
        };
        let (usage, _clamped) = TokenUsage::split(&stated).unwrap();
        let wanted = Wanted { body_bytes, max_output_tokens: Some(limit), choices: 1, is_clear: true, usual_output_tokens: None };
        let estimate = estimate(&wanted, &list);
        prop_assert!(charge(&usage, &list).unwrap() <= estimate.most);
        prop_assert!(estimate.expected <= estimate.most);
    }
}
