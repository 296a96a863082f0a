use super::{OraclePrices, oracle_charge, oracle_sum};
use crate::upstream::Counts;

#[test]
fn a_thousand_in_and_five_hundred_out_cost_a_fortieth() {
    let counts = Counts { prompt: 1000, completion: 500, ..Counts::default() };
    let prices = OraclePrices { input: "0.00001", output: "0.00003", ..OraclePrices::default() };
    assert_eq!(oracle_charge(&counts, &prices), "0.025");
}

#[test]
fn parts_are_priced_once_and_by_their_own_price_where_they_have_one() {
    let counts = Counts {
        prompt: 100,
        completion: 10,
        cache_read: 60,
        reasoning: 4,
        audio_input: 30,
        ..Counts::default()
    };
    let prices = OraclePrices {
        input: "1",
        output: "2",
        cache_read: Some("0.1"),
        reasoning: Some("3"),
        ..OraclePrices::default()
    };
    // 60 × 0.1 + 30 × 1 (audio without a price) + 10 × 1 + 4 × 3 + 6 × 2
    assert_eq!(oracle_charge(&counts, &prices), "70");
}

#[test]
fn a_part_larger_than_its_whole_is_clamped_to_it() {
    let counts = Counts { prompt: 10, completion: 5, cache_read: 25, reasoning: 9, ..Counts::default() };
    let prices = OraclePrices { input: "1", output: "1", cache_read: Some("0.5"), ..OraclePrices::default() };
    assert_eq!(oracle_charge(&counts, &prices), "10");
}

#[test]
fn sums_are_exact_and_may_be_negative() {
    assert_eq!(oracle_sum(["10", "-0.000000000001", "-0.1"]), "9.899999999999");
    assert_eq!(oracle_sum(["-0.5", "0.25"]), "-0.25");
    assert_eq!(oracle_sum([]), "0");
}
