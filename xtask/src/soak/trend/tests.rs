use super::*;

/// A quarter of an hour of seconds.
fn trend(value: impl Fn(f64) -> f64) -> Trend {
    trend_of(Of::Mean, value)
}

fn trend_of(of: Of, value: impl Fn(f64) -> f64) -> Trend {
    let points: Vec<(Duration, f64)> = (0..900_u32)
        .map(|second| (Duration::from_secs(u64::from(second)), value(f64::from(second))))
        .collect();
    Trend::of(&points, of, 1.0).unwrap()
}

/// Noise without a seed to remember: the same for the same second, and nothing to do with its neighbour's.
fn noise(second: f64) -> f64 {
    ((second * 12.9898).sin() * 43_758.547).fract()
}

#[test]
fn what_stays_is_flat_also_in_noise_and_with_waves() {
    assert_eq!(trend(|_| 100.0).verdict(), Verdict::Flat);
    assert_eq!(trend(|second| 100.0 + 10.0 * noise(second)).verdict(), Verdict::Flat);
    assert_eq!(trend(|second| 100.0 + 3.0 * (second / 8.0).sin()).verdict(), Verdict::Flat);
    assert_eq!(trend(|second| 100.0 - second / 100.0).verdict(), Verdict::Flat, "what shrinks does not grow");
}

#[test]
fn what_grows_is_seen_through_the_noise_and_its_slope_is_right() {
    let grows = trend(|second| 100.0 + second * 40.0 / 3_600.0 + 2.0 * noise(second));
    assert_eq!(grows.verdict(), Verdict::Growing, "{grows:?}");
    assert!((grows.slope_per_hour - 40.0).abs() < 2.0, "{grows:?}");
    assert!((grows.allowed_per_hour - 20.5).abs() < 1.0, "5% of 103 in a quarter of an hour: {grows:?}");
}

#[test]
fn in_great_noise_nothing_is_claimed() {
    let hidden = trend(|second| 100.0 + 30.0 * (second / 60.0).cos());
    assert_eq!(hidden.verdict(), Verdict::CannotTell, "{hidden:?}");
}

/// As descriptors do, where a database is stopped for some seconds now and then: for 20 s of each 100 there are three times as many.
fn with_bursts(second: f64) -> f64 {
    if second % 100.0 < 20.0 { 2_000.0 + 500.0 * noise(second) } else { 750.0 + 10.0 * noise(second) }
}

#[test]
fn what_comes_and_goes_is_judged_by_what_stays() {
    assert_eq!(trend(with_bursts).verdict(), Verdict::CannotTell);
    assert_eq!(trend_of(Of::Least, with_bursts).verdict(), Verdict::Flat);
    let leaks = trend_of(Of::Least, |second| with_bursts(second) + second / 5.0);
    assert_eq!(leaks.verdict(), Verdict::Growing, "{leaks:?}");
    assert!((leaks.slope_per_hour - 720.0).abs() < 40.0, "{leaks:?}");
}

#[test]
fn small_counts_may_waver_by_what_is_nothing_for_their_kind() {
    assert_eq!(trend(|second| if second < 450.0 { 4.0 } else { 4.3 }).verdict(), Verdict::Flat);
}

#[test]
fn a_run_of_a_few_seconds_has_no_trend() {
    let points: Vec<(Duration, f64)> = (0..10).map(|second| (Duration::from_secs(second), 1.0)).collect();
    assert!(Trend::of(&points, Of::Mean, 1.0).is_none());
    assert!(Trend::of(&[], Of::Mean, 1.0).is_none());
}
