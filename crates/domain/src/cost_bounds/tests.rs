//! Bounds against the charges themselves.

use proptest::prelude::*;

use super::{CostBounds, UsageSums, cost_bounds};
use crate::{Credits, PriceList, PricePerToken, StatedUsage, TokenUsage, charge};

fn price() -> impl Strategy<Value = PricePerToken> {
    (0_i64..50).prop_map(|pico| PricePerToken::from_pico(pico).unwrap())
}

fn maybe() -> impl Strategy<Value = Option<PricePerToken>> {
    prop::option::of(price())
}

prop_compose! {
    fn list()(
        input_price in price(), output_price in price(), cache_read_price in maybe(), cache_write_5m_price in maybe(),
        cache_write_1h_price in maybe(), audio_input_price in maybe(), image_input_price in maybe(),
        reasoning_price in maybe(), audio_output_price in maybe(), request_price in maybe(),
    ) -> PriceList {
        PriceList {
            input_price, output_price, cache_read_price, cache_write_5m_price, cache_write_1h_price,
            audio_input_price, image_input_price, reasoning_price, audio_output_price, request_price,
        }
    }
}

prop_compose! {
    /// Parts that make no more than their whole.
    fn usage()(input in prop::array::uniform6(0_i64..1_000), output in prop::array::uniform3(0_i64..1_000)) -> StatedUsage {
        StatedUsage {
            prompt_tokens: Some(input.iter().sum()),
            completion_tokens: Some(output.iter().sum()),
            total_tokens: None,
            cache_read_tokens: input[0],
            cache_write_5m_tokens: input[1],
            cache_write_1h_tokens: input[2],
            audio_input_tokens: input[3],
            image_input_tokens: input[4],
            reasoning_tokens: output[0],
            audio_output_tokens: output[1],
        }
    }
}

fn sums(requests: &[(StatedUsage, usize)]) -> UsageSums {
    let mut sums = UsageSums::default();
    for (usage, _) in requests {
        sums.requests += 1;
        sums.prompt_tokens += usage.prompt_tokens.unwrap();
        sums.completion_tokens += usage.completion_tokens.unwrap();
        sums.reasoning_tokens += usage.reasoning_tokens;
        sums.cache_read_tokens += usage.cache_read_tokens;
        sums.cache_write_tokens += usage.cache_write_5m_tokens + usage.cache_write_1h_tokens;
    }
    sums
}

fn charged(requests: &[(StatedUsage, usize)], lists: &[PriceList]) -> i128 {
    let one = |(usage, list): &(StatedUsage, usize)| {
        let (usage, _) = TokenUsage::split(usage).unwrap();
        charge(&usage, &lists[list % lists.len()]).unwrap().pico()
    };
    requests.iter().map(one).sum()
}

proptest! {
    #[test]
    fn what_is_charged_lies_between_the_bounds_whichever_list_each_request_is_charged_by(
        lists in prop::collection::vec(list(), 1..4),
        requests in prop::collection::vec((usage(), 0_usize..4), 0..20),
    ) {
        let bounds = cost_bounds(&sums(&requests), &lists).unwrap();
        let charged = charged(&requests, &lists);
        prop_assert!(bounds.least.pico() <= charged && charged <= bounds.most.pico(), "{charged} {bounds:?}");
    }

    #[test]
    fn it_is_exact_where_what_sums_do_not_tell_apart_has_one_price(
        list in list(), requests in prop::collection::vec((usage(), 0_usize..1), 0..20),
    ) {
        let list = PriceList {
            cache_write_1h_price: list.cache_write_5m_price,
            audio_input_price: None,
            image_input_price: Some(list.input_price),
            audio_output_price: None,
            ..list
        };
        let bounds = cost_bounds(&sums(&requests), &[list]).unwrap();
        prop_assert!(bounds.is_exact());
        prop_assert_eq!(bounds.least.pico(), charged(&requests, &[list]));
    }

    #[test]
    fn sums_whose_parts_exceed_their_whole_are_bounded_by_the_whole(
        list in list(), prompt in 0_i64..100, completion in 0_i64..100, more in prop::array::uniform3(0_i64..1_000),
    ) {
        let usage = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            cache_read_tokens: prompt + more[0],
            cache_write_1h_tokens: more[1],
            reasoning_tokens: completion + more[2],
            ..StatedUsage::default()
        };
        let bounds = cost_bounds(&sums(&[(usage, 0)]), &[list]).unwrap();
        let charged = charged(&[(usage, 0)], &[list]);
        prop_assert!(bounds.least.pico() <= charged && charged <= bounds.most.pico(), "{charged} {bounds:?}");
    }
}

#[test]
fn a_request_that_failed_may_or_may_not_pay_for_itself() {
    let list =
        PriceList { request_price: Some(PricePerToken::from_pico(7).unwrap()), ..PriceList::default() };
    let sums = UsageSums { requests: 10, failed_requests: 3, ..UsageSums::default() };
    let pico = |pico| Credits::from_pico(pico).unwrap();
    assert_eq!(cost_bounds(&sums, &[list]).unwrap(), CostBounds { least: pico(49), most: pico(70) });
    assert_eq!(cost_bounds(&sums, &[]).unwrap(), CostBounds::default());
}

#[test]
fn what_does_not_fit_an_amount_is_an_error() {
    let list = PriceList { input_price: PricePerToken::from_pico(i64::MAX).unwrap(), ..PriceList::default() };
    let sums = UsageSums { prompt_tokens: i64::MAX, ..UsageSums::default() };
    assert!(cost_bounds(&sums, &[list]).is_err());
}
