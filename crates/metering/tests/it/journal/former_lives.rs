//! When the lives before this one are over: when the books have all that was finished in them, and not before.

use std::time::Duration;

use super::{Gateway, House};

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where in the log the lives before this one end, once it has been read so far.
async fn former_end(gateway: &Gateway) -> i64 {
    let reading = async {
        loop {
            match gateway.journal.former_end() {
                Some(end) => return end,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap()
}

async fn log_position(house: &House) -> i64 {
    house.books.text("select log_position::text from instances where log_position > 0").await.parse().unwrap()
}

#[tokio::test]
async fn what_a_killed_life_finished_is_missing_until_the_books_have_it() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    for _ in 0..3 {
        gateway.serve().await;
    }
    house.wait_for_records(3).await;
    let lock = house.blocking("lock table usage_records in exclusive mode").await;
    gateway.serve().await;
    gateway.begin(400).await;
    gateway.serve().await;
    let image = gateway.kill().await;

    let second = house.start_in(image.path()).await;
    let former_end = former_end(&second).await;
    let reached = log_position(&house).await;
    assert!(reached < former_end, "two ends are missing, and the books are at {reached} of {former_end}");
    lock.batch_execute("rollback").await.unwrap();
    house.books.wait_for_count(&format!("instances where log_position >= {former_end}"), 1).await;
    assert!(house.books.count("usage_records").await >= 5);
    // With what was open settled.
    house.wait_for_records(6).await;
    second.stop().await;
    house.assert_sound(6, "999.85").await;
}

#[tokio::test]
async fn a_killed_life_whose_books_are_complete_is_over_before_the_next_one_serves_anything() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    for _ in 0..3 {
        gateway.serve().await;
    }
    house.wait_for_records(3).await;
    let image = gateway.kill().await;
    let second = house.start_in(image.path()).await;
    assert_eq!(former_end(&second).await, log_position(&house).await);
    second.stop().await;
    house.assert_sound(3, "999.91").await;
}

#[tokio::test]
async fn a_first_life_has_nothing_to_wait_for() {
    let house = House::build().await;
    let gateway = house.start().await;
    let end = former_end(&gateway).await;
    house.books.wait_for_count(&format!("instances where log_position >= {end}"), 1).await;
    gateway.stop().await;
}
