use super::*;

fn pair() -> (ApiKeyId, ModelId) {
    (ApiKeyId::generate(), ModelId::generate())
}

#[test]
fn nothing_is_told_before_enough_answers_have_come() {
    let learned = Learned::default();
    let (key, model) = pair();
    for _ in 1..ENOUGH {
        learned.saw(key, model, 100);
    }
    assert_eq!(learned.usual(key, model), None);
    learned.saw(key, model, 100);
    assert_eq!(learned.usual(key, model), Some(112));
    assert_eq!(learned.usual(pair().0, model), None);
}

#[test]
fn nearly_every_answer_stayed_under_what_is_told() {
    let learned = Learned::default();
    let (key, model) = pair();
    for tokens in 0..100 {
        learned.saw(key, model, if tokens < 90 { 60 } else { 4000 });
    }
    assert_eq!(learned.usual(key, model), Some(64));
    for _ in 0..2 {
        learned.saw(key, model, 4000);
    }
    assert_eq!(learned.usual(key, model), Some(4096));
}

#[test]
fn a_change_of_habits_is_followed() {
    let learned = Learned::default();
    let (key, model) = pair();
    for _ in 0..10_000 {
        learned.saw(key, model, 4000);
    }
    for _ in 0..2_000 {
        learned.saw(key, model, 10);
    }
    assert_eq!(learned.usual(key, model), Some(12));
}

#[test]
fn every_answer_is_counted_below_the_bound_of_its_place_and_near_it() {
    for tokens in
        (0..5_000).chain((12..32).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1]))
    {
        let bound = bound(place(tokens));
        assert!(tokens < bound && bound <= (tokens + 1) * 5 / 4 + 1, "{tokens}: {bound}");
        assert!(place(tokens) == 0 || super::bound(place(tokens) - 1) <= tokens);
    }
}

#[test]
fn answers_of_any_length_have_their_place() {
    let learned = Learned::default();
    let (key, model) = pair();
    for tokens in [0, 0, 1, 0, 0, 0, 0, 0, u64::MAX, u64::MAX, u64::MAX] {
        learned.saw(key, model, tokens);
    }
    assert_eq!(learned.usual(key, model), Some(1 << 32));
}

#[test]
fn what_is_kept_is_bounded() {
    let learned = Learned::default();
    let (key, model) = pair();
    for _ in 0..=MOST_PAIRS {
        learned.saw(ApiKeyId::generate(), model, 1);
    }
    learned.saw(key, model, 1);
    assert!(learned.0.lock().len() <= MOST_PAIRS);
}
