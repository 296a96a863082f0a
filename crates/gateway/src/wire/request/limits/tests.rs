use super::*;

#[test]
fn a_count_is_read_as_upstreams_read_it_and_nothing_else_is() {
    for (value, expected) in [
        ("5", Ok(Some(5))),
        ("5.0", Ok(Some(5))),
        ("4.2", Ok(Some(5))),
        ("5e0", Ok(Some(5))),
        ("null", Ok(None)),
        ("\"5\"", Err(Unclear)),
        ("-1", Err(Unclear)),
        ("1e300", Err(Unclear)),
        ("[5]", Err(Unclear)),
        ("true", Err(Unclear)),
    ] {
        assert_eq!(count(value.as_bytes()), expected, "{value}");
    }
}

#[test]
fn prompts_are_counted_and_tokens_are_not() {
    for (value, expected) in [
        (r#"["a","b"]"#, Ok(2)),
        ("[1,2,3]", Ok(1)),
        ("[ 1,2,3]", Ok(1)),
        ("[[1,2],[3],[4]]", Ok(3)),
        ("[]", Ok(1)),
        ("null", Ok(1)),
        ("{}", Err(Unclear)),
    ] {
        assert_eq!(prompts(value.as_bytes()), expected, "{value}");
    }
}

#[test]
fn a_limit_of_gemini_that_comes_twice_is_none() {
    assert_eq!(generation_config(br#"{"maxOutputTokens":5,"candidateCount":2}"#), Ok((Some(5), Some(2))));
    assert_eq!(generation_config(b"null"), Ok((None, None)));
    assert_eq!(generation_config(br#"{"maxOutputTokens":5,"max_output_tokens":6}"#), Err(Unclear));
    assert_eq!(generation_config(br#"{"maxOutputTokens":5,"candidateCount":"2"}"#), Ok((Some(5), Some(2))));
    assert_eq!(generation_config(br#"{"maxOutputTokens":5,"candidateCount":"two"}"#), Err(Unclear));
}
