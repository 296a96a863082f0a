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

#[tokio::test]
async fn the_upstream_understands_every_kind_of_request() {
    let upstream = tollgate_testkit::ScriptedUpstream::start().await;
    let keys: Vec<String> = CUSTOMERS.iter().map(|customer| format!("key of {}", customer.name)).collect();
    let count = 60;
    let seen = send(&upstream.base_url(), &keys, count).await.unwrap();
    let books = upstream.settled(count).await;
    assert_eq!(books.len(), count);
    for ((customer, key), seen) in CUSTOMERS.iter().zip(&keys).zip(&seen) {
        let mine: Vec<_> = books.iter().filter(|entry| entry.tag.as_deref() == Some(customer.name)).collect();
        assert_eq!(
            (seen.answered, seen.refused, seen.failed),
            (mine.len(), 0, 0),
            "{:?}",
            seen.first_failure
        );
        assert_eq!(seen.streams, mine.iter().filter(|entry| entry.stream).count());
        for entry in mine {
            // Nobody stands between us here, so a stream of chat states its usage only when it was asked for.
            let asked = !entry.uri.contains("chat") || !entry.stream || entry.include_usage;
            assert_eq!(entry.stated.is_some(), asked, "{entry:?}");
            assert!(entry.headers.iter().any(|(_, value)| value.contains(key.as_str())), "{entry:?}");
            assert_eq!(entry.header("x-tollgate-batch-completion-window"), customer.window);
        }
    }
}
