use super::*;

fn count(number: i64) -> TokenCount {
    TokenCount::new("test", number).unwrap()
}

fn sum(usage: &TokenUsage) -> i64 {
    [
        usage.uncached_input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.audio_input,
        usage.image_input,
        usage.output,
        usage.reasoning,
        usage.audio_output,
    ]
    .iter()
    .map(|kind| i64::from(kind.get()))
    .sum()
}

#[test]
fn cached_tokens_are_inside_the_prompt_and_reasoning_inside_the_completion() {
    let stated = StatedUsage {
        prompt_tokens: Some(100),
        completion_tokens: Some(50),
        cache_read_tokens: 30,
        cache_write_5m_tokens: 20,
        reasoning_tokens: 40,
        ..StatedUsage::default()
    };
    let (usage, clamped) = TokenUsage::split(&stated).unwrap();
    assert!(!clamped);
    assert_eq!(usage.uncached_input, count(50));
    assert_eq!(usage.cache_read, count(30));
    assert_eq!(usage.cache_write_5m, count(20));
    assert_eq!(usage.output, count(10));
    assert_eq!(usage.reasoning, count(40));
}

#[test]
fn parts_larger_than_their_whole_are_clamped_and_flagged() {
    let stated = StatedUsage {
        prompt_tokens: Some(10),
        completion_tokens: Some(5),
        cache_read_tokens: 11,
        reasoning_tokens: 6,
        ..StatedUsage::default()
    };
    let (usage, clamped) = TokenUsage::split(&stated).unwrap();
    assert!(clamped);
    assert_eq!((usage.uncached_input, usage.cache_read), (count(0), count(10)));
    assert_eq!((usage.output, usage.reasoning), (count(0), count(5)));
}

#[test]
fn counts_out_of_range_are_named() {
    for (stated, kind) in [
        (StatedUsage { prompt_tokens: Some(-1), ..StatedUsage::default() }, "prompt_tokens"),
        (
            StatedUsage { completion_tokens: Some(2_147_483_648), ..StatedUsage::default() },
            "completion_tokens",
        ),
        (StatedUsage { cache_read_tokens: i64::MIN, ..StatedUsage::default() }, "cache_read_tokens"),
        (StatedUsage { total_tokens: Some(i64::MAX), ..StatedUsage::default() }, "total_tokens"),
    ] {
        assert_eq!(TokenUsage::split(&stated).unwrap_err().kind, kind);
    }
}

proptest::proptest! {
    #[test]
    fn no_token_is_counted_twice_and_none_is_lost(
        prompt in 0_i64..=2_147_483_647, completion in 0_i64..=2_147_483_647,
        parts in proptest::array::uniform7(0_i64..=2_147_483_647),
    ) {
        let stated = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: None,
            reasoning_tokens: parts[0],
            cache_read_tokens: parts[1],
            cache_write_5m_tokens: parts[2],
            cache_write_1h_tokens: parts[3],
            audio_input_tokens: parts[4],
            audio_output_tokens: parts[5],
            image_input_tokens: parts[6],
        };
        let (usage, _) = TokenUsage::split(&stated).unwrap();
        proptest::prop_assert_eq!(sum(&usage), prompt + completion);
    }
}
