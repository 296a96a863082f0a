use super::*;

#[test]
fn a_failed_step_says_how_to_repeat_it() {
    let mut steps = Steps::new();
    steps.step("first", "true", || Ok(())).unwrap();
    let error = steps.step("second", "cargo second --now", || anyhow::bail!("it broke")).unwrap_err();
    let said = format!("{error:#}");
    assert!(said.starts_with("ci failed at `second`"), "{said}");
    assert!(said.contains("Repeat it with:\n  cargo second --now\n") && said.ends_with("it broke"), "{said}");
    assert_eq!(steps.done.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn the_summaries_of_both_test_runners_are_known() {
    assert!(is_summary("     Summary [   0.254s] 27 tests run: 27 passed, 0 skipped\n"));
    assert!(is_summary("\u{1b}[32;1m     Summary\u{1b}[0m [   0.254s] 27 tests run: 27 passed"));
    assert!(is_summary("     Summary [   0.012s] 1 test run: 1 passed"));
    assert!(is_summary("test result: ok. 3 passed; 0 failed; 0 ignored"));
    assert!(!is_summary("        PASS [   0.005s] xtask::bin/xtask a_summary_is_written"));
}

#[test]
fn times_are_said_as_people_do() {
    assert_eq!(Seconds(Duration::from_millis(420)).to_string(), "0.4 s");
    assert_eq!(Seconds(Duration::from_secs(200)).to_string(), "3 min 20 s");
}
