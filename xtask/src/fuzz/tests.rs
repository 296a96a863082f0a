use super::*;

#[test]
fn a_run_is_summed_up_from_what_libfuzzer_prints() {
    let mut outcome = Outcome::default();
    let quiet = [
        "INFO: Running with entropic power schedule (0xFF, 100).",
        "INFO: Loaded 1 modules   (23136 inline 8-bit counters): 23136 [0x55c2bf886010, 0x55c2bf88ba70), ",
        "#3\tINITED cov: 7 ft: 8 corp: 2/6b exec/s: 0 rss: 30Mb",
        "#20\tNEW    cov: 598 ft: 2293 corp: 299/71Kb lim: 379 exec/s: 261 rss: 34Mb L: 3/6 MS: 1 EraseBytes-",
        "#5493\tDONE   cov: 598 ft: 2293 corp: 299/71Kb lim: 379 exec/s: 261 rss: 34Mb",
        "stat::number_of_executed_units: 5493",
        "stat::peak_rss_mb:              34",
        "WARNING: Failed to find function \"__sanitizer_acquire_crash_state\".",
        "Dictionary: 66 entries",
        "###### Recommended dictionary. ######",
        "\"retry:\" # Uses: 93",
        "Done 19405 runs in 7 second(s)",
    ];
    assert!(quiet.iter().all(|line| outcome.read(line)));
    assert_eq!(outcome.to_string(), "holds after 5493 executions; 598 of 23136 edges reached by 299 inputs");
    let loud = [
        "#4096\tpulse  cov: 598 ft: 2293 corp: 299/71Kb lim: 379 exec/s: 261 rss: 34Mb",
        "thread '<unnamed>' (1) panicked at fuzz/src/targets/sse.rs:49:9:",
        "artifact_prefix='/t/'; Test unit written to /t/crash-1",
    ];
    assert!(!loud.iter().any(|line| outcome.read(line)));
    assert_eq!(outcome.finding.as_deref(), Some(Path::new("/t/crash-1")));
    assert!(outcome.to_string().starts_with("BROKEN"));
}

#[test]
fn the_targets_are_the_directories_with_seeds() {
    assert_eq!(targets().unwrap(), ["encoded", "multipart", "request", "spool", "sse", "usage"]);
}
