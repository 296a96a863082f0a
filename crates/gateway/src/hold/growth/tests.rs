use super::*;

const PICO_PER_TOKEN: i64 = 10;

fn pico(amount: i128) -> Credits {
    Credits::from_pico(amount).unwrap()
}

/// A hundred for the prompt, and so many tokens.
fn growth(tokens: i128, is_bounded: bool, when_spent: WhenSpent) -> Growth {
    let estimate = Estimate {
        expected: Credits::ZERO,
        expected_tokens: 0,
        most: pico(100 + tokens * 10),
        prompt: pico(100),
        per_token: PricePerToken::from_pico(PICO_PER_TOKEN).unwrap(),
        is_bounded,
    };
    Growth::new(&estimate, estimate.most, when_spent)
}

#[test]
fn more_is_held_ahead_of_need_by_half_of_what_was() {
    let mut growth = growth(4096, false, WhenSpent::Finish);
    assert_eq!(growth.due(3000), Due::Nothing);
    let Due::Ahead(step) = growth.due(3600) else { panic!() };
    assert_eq!(step.most, pico(20_480));
    // Not again with each frame.
    assert_eq!(growth.due(3601), Due::Nothing);
    growth.grown(step.most);
    assert_eq!(growth.due(5000), Due::Nothing);
    assert!(matches!(growth.due(6144), Due::Now(_)));
}

#[test]
fn an_answer_that_is_longer_than_expected_is_expected_to_be_longer_a_few_times_and_not_with_each_token() {
    let mut growth = growth(4096, false, WhenSpent::Finish);
    growth.expected_tokens = 100;
    assert_eq!(growth.outgrown(100), None);
    // One beyond, and sixty-four more.
    assert_eq!(growth.outgrown(101), Some(pico(650)));
    let mut expected = 165;
    let said = (102..4096).filter_map(|written| growth.outgrown(written).map(|by| (written, by)));
    let said: Vec<(u64, Credits)> = said.collect();
    for (written, by) in &said {
        expected += by.pico() / i128::from(PICO_PER_TOKEN);
        assert!(expected > i128::from(*written));
    }
    assert!((5..=10).contains(&said.len()), "{said:?}");
}

#[test]
fn what_was_written_beyond_the_hold_is_asked_for_as_well() {
    let mut growth = growth(10, false, WhenSpent::Cut);
    let Due::Now(step) = growth.due(110) else { panic!() };
    assert_eq!((step.least, step.most), (pico(1_320), pico(6_120)));
}

#[test]
fn an_answer_within_the_clients_limit_asks_for_nothing() {
    let mut growth = growth(100, true, WhenSpent::Cut);
    assert_eq!(growth.due(712), Due::Nothing);
    assert!(matches!(growth.due(713), Due::Now(_)));
}

#[test]
fn a_short_answer_within_the_clients_limit_is_not_cut_off_because_it_came_in_many_frames() {
    assert_eq!(growth(5, true, WhenSpent::Cut).due(100), Due::Nothing);
}

#[test]
fn one_that_goes_on_without_money_is_left_alone() {
    let mut growth = growth(10, false, WhenSpent::Finish);
    assert!(matches!(growth.due(20), Due::Now(_)));
    assert!(growth.spent());
    assert_eq!(growth.due(2000), Due::Nothing);
    assert!(!super::tests::growth(10, false, WhenSpent::Cut).spent());
}
