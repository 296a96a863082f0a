use std::collections::HashSet;

use super::*;

fn good(mix: Mix, url: String) -> Good {
    Good { url, keys: CUSTOMERS.iter().map(|customer| format!("key of {}", customer.name)).collect(), mix }
}

#[test]
fn every_customer_sends_every_kind_and_half_are_streams() {
    let lively = good(Mix::Lively, String::new());
    let mut seen = HashSet::new();
    let count = LEAVE_EVERY * LONG_STREAM_EVERY * 10 * PATTERN.len();
    for number in 0..count {
        let (surface, stream) = what(number);
        seen.insert(format!("{} {surface:?} {stream} {:?}", whose(number), lively.kind(number)));
    }
    // Five surfaces; all of them whole, but for Gemini, and streamed in three ways, but for embeddings.
    let kinds = 4 + 4 * 3;
    assert_eq!(seen.len(), CUSTOMERS.len() * kinds, "{seen:?}");
    assert_eq!((0..count).filter(|number| what(*number).1).count(), count / 2);
    assert!((0..count).all(|number| good(Mix::Quick, String::new()).kind(number) != Kind::Left));
}

#[tokio::test]
async fn the_upstream_understands_all_of_it_and_sees_who_left() {
    let upstream = tollgate_testkit::ScriptedUpstream::start().await;
    let lively = good(Mix::Lively, upstream.base_url());
    let numbers: Vec<usize> = (10..20).chain(30..40).collect();
    for number in &numbers {
        lively.send(*number).await.unwrap();
    }
    let books = upstream.settled(numbers.len()).await;
    let left = numbers.iter().filter(|number| lively.kind(**number) == Kind::Left).count();
    assert_eq!(left, 5);
    assert_eq!(books.iter().filter(|entry| !entry.body_complete).count(), left);
    assert!(books.iter().all(|entry| CUSTOMERS.iter().any(|one| Some(one.name) == entry.tag.as_deref())));
}
