//! Claims: it tells what the sink told, and tells it again.

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::*;

#[test]
fn what_is_safe_already_says_so_at_once() {
    let mut durable = Durable::already();
    assert!(durable.is_already());
    assert_eq!((&mut durable).now_or_never(), Some(Ok(())));
    assert_eq!(durable.now_or_never(), Some(Ok(())));
}

#[test]
fn what_was_told_once_stays_so_however_often_it_is_asked() {
    for told in [Ok(()), Err(NotDurable)] {
        let (tell, result) = oneshot::channel();
        let mut durable = Durable::when(async move { result.await.unwrap() });
        assert_eq!((&mut durable).now_or_never(), None);
        tell.send(told).unwrap();
        for _ in 0..3 {
            assert_eq!((&mut durable).now_or_never(), Some(told));
        }
        assert_eq!(durable.is_already(), told.is_ok());
    }
}
