use http_body_util::{BodyExt, Full};

use super::*;

const IDLE: Duration = Duration::from_mins(5);
const PATIENCE: Duration = Duration::from_mins(10);

fn activity() -> Arc<Activity> {
    Activity::new(IDLE, PATIENCE)
}

fn body(length: usize) -> Full<Bytes> {
    Full::new(Bytes::from(vec![b'x'; length]))
}

/// How things stand in a while.
fn look_after(activity: &Activity, while_: Duration) -> Look {
    activity.look(Instant::now() + while_)
}

#[tokio::test]
async fn a_connection_is_idle_when_its_last_answer_has_long_gone() {
    let activity = activity();
    let (one, other) = (activity.begin(true), activity.begin(false));
    assert!(matches!(look_after(&activity, IDLE * 10), Look::Again(_)), "somebody waits for an upstream");
    drop(one);
    assert!(matches!(look_after(&activity, IDLE * 10), Look::Again(_)));
    drop(other);
    assert!(matches!(look_after(&activity, IDLE / 2), Look::Again(at) if at <= Instant::now() + IDLE));
    assert_eq!(look_after(&activity, IDLE), Look::Idle);
}

#[tokio::test]
async fn a_client_that_takes_something_is_waited_for_and_one_that_takes_nothing_is_not() {
    let activity = activity();
    let mut slow = Watched::new(body(OFFER * 3), activity.begin(true));
    assert!(matches!(look_after(&activity, PATIENCE * 2), Look::Again(_)), "nothing was offered yet");
    for _ in 0..3 {
        assert_eq!(slow.frame().await.unwrap().unwrap().into_data().unwrap().len(), OFFER);
        assert!(matches!(look_after(&activity, PATIENCE / 2), Look::Again(_)));
        assert_eq!(look_after(&activity, PATIENCE), Look::Stalled, "and it takes nothing more");
    }
    assert!(slow.frame().await.is_none());
    assert!(matches!(look_after(&activity, PATIENCE * 2), Look::Again(_)));
}

#[tokio::test]
async fn one_stalled_answer_is_found_among_others_that_flow() {
    let activity = activity();
    let mut stalled = Watched::new(body(OFFER), activity.begin(true));
    stalled.frame().await.unwrap().unwrap();
    let _waits = activity.begin(true);
    let soon = look_after(&activity, PATIENCE / 2);
    assert!(matches!(soon, Look::Again(at) if at <= Instant::now() + PATIENCE));
    assert_eq!(look_after(&activity, PATIENCE), Look::Stalled);
}

#[tokio::test]
async fn an_answer_over_http_1_is_neither_cut_up_nor_timed() {
    let activity = activity();
    let mut body = Watched::new(body(OFFER * 3), activity.begin(false));
    assert_eq!(body.size_hint().exact(), Some(OFFER as u64 * 3));
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), OFFER * 3);
    assert!(matches!(look_after(&activity, PATIENCE * 2), Look::Again(_)));
}

#[tokio::test]
async fn what_is_offered_bit_by_bit_is_all_of_it() {
    let mut watched = Watched::new(body(OFFER * 2 + 1), activity().begin(true));
    watched.frame().await.unwrap().unwrap();
    assert_eq!((watched.size_hint().exact(), watched.is_end_stream()), (Some(OFFER as u64 + 1), false));
    assert_eq!(watched.collect().await.unwrap().to_bytes().len(), OFFER + 1);
}
