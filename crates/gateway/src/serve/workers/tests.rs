use std::collections::HashSet;
use std::sync::Arc;

use super::{Workers, number};

fn nothing() -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async {})
}

#[tokio::test]
async fn what_is_seated_runs_on_one_thread_and_seats_are_given_where_the_fewest_are() {
    let workers = Workers::start(3, nothing).expect("threads start");
    let mut seats: Vec<_> = (0..6).map(|_| workers.seat().expect("a seat")).collect();
    let mut numbers = Vec::new();
    for seat in &seats {
        let before_and_after = async {
            let before = number();
            tokio::task::yield_now().await;
            (before, number())
        };
        let (before, after) = seat.runtime.spawn(before_and_after).await.expect("it runs");
        assert_eq!(before, after);
        numbers.push(before);
    }
    assert_eq!(numbers, [1, 2, 3, 1, 2, 3]);
    assert_eq!(number(), 0, "this thread is none of them");

    // The second thread has the fewest now.
    drop(seats.remove(1));
    let seat = workers.seat().expect("a seat");
    assert_eq!(seat.runtime.spawn(async { number() }).await.expect("it runs"), 2);
}

#[tokio::test]
async fn each_thread_attends_to_what_it_is_given() {
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    let attend = || -> futures_util::future::BoxFuture<'static, ()> {
        let say = say.clone();
        Box::pin(async move { say.send(number()).expect("somebody listens") })
    };
    let workers = Workers::start(2, attend).expect("threads start");
    let both = HashSet::from([said.recv().await.expect("one"), said.recv().await.expect("the other")]);
    assert_eq!(both, HashSet::from([1, 2]));
    workers.stop().await;
}

#[tokio::test]
async fn what_is_still_there_at_the_end_is_dropped_before_the_end_is_told() {
    let workers = Workers::start(2, nothing).expect("threads start");
    let held = Arc::new(());
    for seat in [workers.seat(), workers.seat()].into_iter().flatten() {
        let held = Arc::clone(&held);
        seat.runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
    }
    assert_eq!(Arc::strong_count(&held), 3);
    workers.stop().await;
    assert_eq!(Arc::strong_count(&held), 1);
}
