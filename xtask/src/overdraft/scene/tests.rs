use super::*;

#[test]
fn amounts_are_read_exactly() {
    for (text, amount) in [("4.5", CREDITS_PICO), ("-0.000000000001", -1), ("7", 7_000_000_000_000), ("0", 0)]
    {
        assert_eq!(pico(text).unwrap(), amount);
    }
    pico("0.0000000000001").unwrap_err();
}

#[test]
fn a_request_is_as_long_as_it_says_and_within_its_limit() {
    let mut random = Random::of(1, 1);
    for _ in 0..1000 {
        let question = Question::draw(&mut random, true);
        assert!(question.limit.unwrap() >= question.completion);
        let words = "word ".repeat(usize::try_from(question.prompt).unwrap().div_ceil(5));
        assert!(words.len() as u64 >= question.prompt);
    }
}
