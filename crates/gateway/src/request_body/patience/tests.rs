use super::*;

/// Lets the client pause and then send, again and again; answers after how many times it was lost.
async fn lost_after(patience: &mut Patience, pause: Duration, bytes: u64, most: usize) -> Option<usize> {
    for sent in 0..most {
        let is_lost = tokio::select! {
            biased;
            () = std::future::poll_fn(|cx| patience.poll_lost(cx)) => true,
            () = tokio::time::sleep(pause) => false,
        };
        if is_lost {
            return Some(sent);
        }
        patience.received(bytes);
    }
    None
}

const PAUSE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_not_enough() {
    let mut patience = Patience::new(PAUSE, 1024);
    assert_eq!(lost_after(&mut patience, Duration::from_secs(1), 1, 10_000).await, Some(59));
}

#[tokio::test(start_paused = true)]
async fn the_least_pace_is_enough_for_any_length_and_half_of_it_for_twice_the_pause() {
    let mut patience = Patience::new(PAUSE, 1024);
    assert_eq!(lost_after(&mut patience, Duration::from_secs(1), 1100, 100_000).await, None);
    let mut patience = Patience::new(PAUSE, 1024);
    let lost = lost_after(&mut patience, Duration::from_secs(1), 512, 100_000).await.unwrap();
    assert!((117..=120).contains(&lost), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn one_pause_is_bounded_whatever_was_sent_before_and_without_a_pace_nothing_else_is() {
    let mut patience = Patience::new(PAUSE, 1024);
    patience.received(1 << 30);
    assert_eq!(lost_after(&mut patience, PAUSE + Duration::from_secs(1), 1, 10).await, Some(0));
    let mut patience = Patience::new(PAUSE, 0);
    assert_eq!(lost_after(&mut patience, PAUSE - Duration::from_secs(1), 1, 10_000).await, None);
}

#[tokio::test(start_paused = true)]
async fn time_for_which_nobody_waits_does_not_count() {
    let mut patience = Patience::new(PAUSE, 1024);
    for _ in 0..100 {
        // An upstream that is slow to take what came.
        tokio::time::advance(PAUSE * 10).await;
        assert_eq!(lost_after(&mut patience, Duration::from_millis(100), 1, 5).await, None);
    }
    assert_eq!(patience.waited.as_secs(), 50);
}
