use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tollgate_domain::PricePerToken;

use super::*;
use crate::view::{BalanceUpdate, LeaseAnswer, LeaseGrant};

fn pico(amount: i128) -> Credits {
    Credits::from_pico(amount).unwrap()
}

fn user() -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(1))
}

fn bounded(most: i128) -> Estimate {
    Estimate {
        expected: pico(most),
        expected_tokens: 0,
        most: pico(most),
        prompt: Credits::ZERO,
        per_token: PricePerToken::ZERO,
        is_bounded: true,
    }
}

fn leasing(balance: i128) -> Arc<LiveView> {
    let view = Arc::new(LiveView::leasing());
    let balances = vec![(user(), pico(balance))];
    view.apply_balances(BalanceUpdate { full: true, balances, committed_position: 0 });
    view
}

/// The books have `free` for it, and give what it waits for if that is enough.
fn answer(view: &LiveView, balance: i128, free: i128) {
    let requests = view.lease_requests(100);
    let grants = requests.iter().map(|request| {
        let needed = request.keep.checked_add(request.missing).unwrap();
        LeaseGrant {
            user: request.user,
            amount: if needed <= pico(free) { needed } else { Credits::ZERO },
            balance: pico(balance),
            free: pico(free),
            others_needed: Credits::ZERO,
            others_unmet: Credits::ZERO,
        }
    });
    let answer = LeaseAnswer { committed_position: 0, grants: grants.collect() };
    view.apply_leases(&requests, &answer, Instant::now() + Duration::from_secs(44));
}

#[tokio::test]
async fn nobody_waits_for_books_that_do_not_answer_and_they_are_asked_again() {
    let view = leasing(100);
    view.leases_failed();
    let mut refused = pin!(hold(&view, user(), bounded(10), WhenSpent::Finish));
    let at_once = poll_fn(|cx| Poll::Ready(refused.as_mut().poll(cx))).await;
    assert!(matches!(at_once, Poll::Ready(Err(NoHold::Unconfirmed))));
    answer(&view, 100, 100);
    assert!(!view.is_cut_off());
    let mut holding = pin!(hold(&view, user(), bounded(10), WhenSpent::Finish));
    assert!(poll_fn(|cx| Poll::Ready(holding.as_mut().poll(cx).is_pending())).await);
    answer(&view, 100, 100);
    assert!(holding.await.is_ok());
}

#[tokio::test]
async fn what_other_gateways_have_set_aside_is_told_as_held_and_not_as_missing() {
    let view = leasing(100);
    let mut holding = pin!(hold(&view, user(), bounded(60), WhenSpent::Finish));
    assert!(poll_fn(|cx| Poll::Ready(holding.as_mut().poll(cx).is_pending())).await);
    // Another gateway has room of fifty, needs none of it, and does not give it back.
    let refused = loop {
        answer(&view, 100, 50);
        tokio::select! {
            biased;
            held = &mut holding => break held.unwrap_err(),
            () = tokio::task::yield_now() => {}
        }
    };
    let short = Short { balance: pico(100), held: pico(50) };
    assert_eq!(refused, NoHold::Short(short));
}
