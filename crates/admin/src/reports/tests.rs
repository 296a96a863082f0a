//! Who gets a place, and when it is free again.

use std::time::Instant;

use super::*;

fn reports(max_connections: usize, turn_timeout: Duration) -> Reports {
    Reports { turn_timeout, ..Reports::new(max_connections) }
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(number))
}

#[tokio::test]
async fn a_second_report_of_one_user_waits_and_another_users_does_not() {
    let reports = reports(4, Duration::from_millis(20));
    let first = reports.enter(user(1)).await.unwrap();
    assert_eq!(reports.enter(user(1)).await.unwrap_err().kind(), Kind::TooManyReports);
    let second = reports.enter(user(2)).await.unwrap();
    // Half of the connections are taken.
    assert_eq!(reports.enter(user(3)).await.unwrap_err().kind(), Kind::TooManyReports);
    first.leave();
    reports.enter(user(1)).await.unwrap().leave();
    reports.run(user(3), async { Ok(()) }).await.unwrap();
    second.leave();
    // Nothing is kept of users who ask for nothing.
    drop(reports.of_user(user(9)));
    assert_eq!(reports.of_users.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_hangs_up_gives_the_place_back_when_the_query_has_surely_ended() {
    let reports = reports(2, Duration::from_mins(1));
    let hung_up = Instant::now();
    drop(reports.enter(user(1)).await.unwrap());
    reports.enter(user(1)).await.unwrap().leave();
    assert!(hung_up.elapsed() >= GONE_WITHIN);
}
