use std::pin::pin;
use std::task::{Context, Waker};

use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_helper_that_panics_is_seen_and_one_that_ends_is_not_taken_for_it() {
    let (order, ordered) = oneshot::channel::<()>();
    let mut helpers = JoinSet::new();
    let ending = helpers.spawn(async {});
    helpers.spawn(std::future::pending());
    helpers.spawn(async {
        ordered.await.unwrap();
        panic!("on purpose");
    });
    while !ending.is_finished() {
        tokio::task::yield_now().await;
    }
    let mut seen = pin!(a_panic(&mut helpers));
    assert!(seen.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "nothing is wrong yet");
    order.send(()).unwrap();
    seen.await;
}
