use super::*;

/// A quarter of an hour of seconds.
fn trend(value: impl Fn(f64) -> f64) -> Trend {
    let points: Vec<(Duration, f64)> = (0..900_u32)
        .map(|second| (Duration::from_secs(u64::from(second)), value(f64::from(second))))
        .collect();
    Trend::of(&points, 1.0).unwrap()
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

#[test]
fn small_counts_may_waver_by_what_is_nothing_for_their_kind() {
    assert_eq!(trend(|second| if second < 450.0 { 4.0 } else { 4.3 }).verdict(), Verdict::Flat);
}

#[test]
fn a_run_of_a_few_seconds_has_no_trend() {
    let points: Vec<(Duration, f64)> = (0..10).map(|second| (Duration::from_secs(second), 1.0)).collect();
    assert!(Trend::of(&points, 1.0).is_none());
    assert!(Trend::of(&[], 1.0).is_none());
}
