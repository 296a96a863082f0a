use super::*;

#[test]
fn a_percentile_is_a_latency_that_was_seen_and_a_median_lies_in_the_middle() {
    let latencies: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
    assert_eq!(percentile(&latencies, 50), Duration::from_millis(100));
    assert_eq!(percentile(&latencies, 99), Duration::from_millis(198));
    assert_eq!(percentile(&latencies, 100), Duration::from_millis(200));
    assert_eq!(percentile(&[], 99), Duration::ZERO);
    for (numbers, middle) in [(&[][..], 0.0), (&[3.0], 3.0), (&[9.0, 1.0], 5.0), (&[9.0, 1.0, 2.0], 2.0)] {
        assert!((median(numbers) - middle).abs() < f64::EPSILON, "{numbers:?}");
    }
}
