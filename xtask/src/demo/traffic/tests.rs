use super::*;

#[test]
fn half_of_all_requests_are_streams_and_every_customer_sends_every_kind() {
    let count = 3_000;
    let streams = (0..count).filter(|number| what(*number).1).count();
    assert_eq!(streams, count / 2);
    for (index, customer) in CUSTOMERS.iter().enumerate() {
        let mine: Vec<usize> = (0..count).filter(|number| whose(*number) == index).collect();
        assert_eq!(mine.len() * 20, count * customer.share, "{}", customer.name);
        for (surface, stream) in PATTERN {
            assert!(
                mine.iter().any(|number| what(*number) == (surface, stream)),
                "{} {surface:?}",
                customer.name
            );
        }
    }
}

#[test]
fn percentiles_are_of_the_answered_requests() {
    let latencies = (1..=100).rev().map(Duration::from_millis).collect();
    let seen = Seen { latencies, ..Seen::default() };
    assert_eq!(seen.percentile(50), Duration::from_millis(50));
    assert_eq!(seen.percentile(99), Duration::from_millis(99));
    assert_eq!(Seen::default().percentile(99), Duration::ZERO);
}
