use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Desk, attend, mine, tell};
use crate::Position;

fn position(index: u16) -> Position {
    Position { sequence: 7, index }
}

async fn attended() -> (tokio::task::JoinHandle<()>, Arc<Desk>) {
    let attending = tokio::spawn(attend());
    while mine().is_none() {
        tokio::task::yield_now().await;
    }
    (attending, mine().expect("a desk"))
}

#[tokio::test]
async fn everybody_is_told_through_their_desk_and_without_one() {
    let (attending, desk) = attended().await;
    let (waiters, receipts): (Vec<_>, Vec<_>) = (0..5).map(|_| oneshot::channel()).unzip();
    let told = (0..).zip(waiters).map(|(index, waiter)| {
        let desk = (index != 2).then(|| Arc::clone(&desk));
        (desk, waiter, Ok(position(index)))
    });
    let told: Vec<_> = told.collect();
    std::thread::spawn(move || tell(told.into_iter())).join().expect("told");
    for (index, receipt) in (0..).zip(receipts) {
        assert_eq!(receipt.await.expect("told").expect("durable"), position(index));
    }
    attending.abort();
}

#[tokio::test]
async fn what_lies_on_a_desk_that_is_left_is_told_and_so_is_what_comes_after() {
    let (attending, desk) = attended().await;
    let ((waiter, receipt), (late, late_receipt)) = (oneshot::channel(), oneshot::channel());
    desk.laid_down.lock().as_mut().expect("attended").push((waiter, Ok(position(1))));
    attending.abort();
    assert!(attending.await.is_err());
    assert_eq!(receipt.await.expect("told").expect("durable"), position(1));
    assert!(mine().is_none());

    tell([(Some(desk), late, Ok(position(2)))].into_iter());
    assert_eq!(late_receipt.await.expect("told").expect("durable"), position(2));
}
