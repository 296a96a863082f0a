use super::*;
use crate::{client::Got, scene::Request};

const SEED: u64 = 5;
const LIFE: Life = 3;
const STATED: Counts = Counts {
    prompt: 1_000,
    completion: 500,
    reasoning: 0,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    audio_input: 0,
    audio_output: 0,
    image_input: 0,
};

/// A request to a model with a price, answered whole.
fn sent() -> Sent {
    let request =
        (1..100).map(|number| Request::new(SEED, number)).find(|request| request.model.alias == "gpt-crash");
    let got = Got { sent: true, status: Some(200), whole: true, hung: false };
    Sent { request: request.unwrap(), life: LIFE, got }
}

fn served(sent: &Sent) -> Served {
    Served { trace: sent.request.trace.clone(), status: 200, stated: Some(STATED) }
}

fn row(sent: &Sent) -> Row {
    Row {
        id: "2026-11-25/1/1".to_owned(),
        trace: sent.request.trace.clone(),
        user: USERS.get(sent.request.user).map(|user| (*user).to_owned()),
        model: Some("gpt-crash".to_owned()),
        state: "charged".to_owned(),
        usage_source: "provider".to_owned(),
        outcome: "completed".to_owned(),
        counts: Some(STATED),
        // 1,000 × 0.0000025 + 500 × 0.00001.
        cost: "0.007500000000".to_owned(),
    }
}

/// What is found of one request; `crashed`: its gateway was.
fn found(sent: &Sent, served: &[Served], rows: &[Row], crashed: bool) -> Vec<Kind> {
    let crashed = crashed.then_some(LIFE).into_iter().collect();
    let (_, faults) = compare(std::slice::from_ref(sent), served, rows, &crashed);
    faults.into_iter().map(|fault| fault.kind).collect()
}

#[test]
fn books_that_agree_have_no_fault() {
    let sent = sent();
    let (counted, faults) =
        compare(std::slice::from_ref(&sent), &[served(&sent)], &[row(&sent)], &HashSet::new());
    assert_eq!(faults, []);
    let expected =
        Counted { sent: 1, reached_upstream: 1, finished: 1, rows: 1, charged: 1, ..Counted::default() };
    assert_eq!(counted, expected);
}

#[test]
fn a_finished_response_without_a_row_is_uncharged_also_when_its_gateway_died() {
    let sent = sent();
    assert_eq!(found(&sent, &[served(&sent)], &[], false), [Kind::Uncharged]);
    assert_eq!(found(&sent, &[served(&sent)], &[], true), [Kind::Uncharged]);
}

#[test]
fn a_finished_response_that_was_settled_as_interrupted_is_uncharged() {
    let sent = sent();
    let voided = Row {
        state: "voided".to_owned(),
        usage_source: "none".to_owned(),
        outcome: "interrupted".to_owned(),
        counts: None,
        cost: "0".to_owned(),
        ..row(&sent)
    };
    assert_eq!(found(&sent, &[served(&sent)], &[voided], true), [Kind::Uncharged]);
}

#[test]
fn only_a_client_without_a_byte_of_the_answer_of_a_dead_gateway_may_have_no_row() {
    let mut sent = sent();
    sent.got = Got { sent: true, ..Got::default() };
    assert_eq!(found(&sent, &[served(&sent)], &[], true), []);
    assert_eq!(found(&sent, &[served(&sent)], &[], false), [Kind::Lost], "its gateway lives");
    sent.got.status = Some(503);
    assert_eq!(found(&sent, &[served(&sent)], &[], true), [], "the gateway could not record it, and said so");
    assert_eq!(found(&sent, &[served(&sent)], &[], false), [Kind::Lost]);
    sent.got.status = Some(200);
    assert_eq!(found(&sent, &[served(&sent)], &[], true), [Kind::Lost], "the client got the head");
}

#[test]
fn more_than_one_row_or_one_of_nobody_is_double() {
    let sent = sent();
    let second = Row { id: "2026-11-25/2/1".to_owned(), ..row(&sent) };
    assert_eq!(found(&sent, &[served(&sent)], &[row(&sent), second], false), [Kind::Double]);
    let phantom = Row { trace: "0".repeat(32), ..row(&sent) };
    assert_eq!(found(&sent, &[served(&sent)], &[row(&sent), phantom], false), [Kind::Double]);
    assert_eq!(found(&sent, &[served(&sent), served(&sent)], &[row(&sent)], false), [Kind::Double]);
}

#[test]
fn a_row_with_another_price_usage_user_model_or_state_is_found() {
    let sent = sent();
    let right = row(&sent);
    let fewer = Some(Counts { prompt: 999, ..STATED });
    let wrong = [
        Row { cost: "0.007500000001".to_owned(), ..right.clone() },
        Row { counts: fewer, cost: "0.0074975".to_owned(), ..right.clone() },
        Row { user: Some("mallory".to_owned()), ..right.clone() },
        Row { model: Some("free-crash".to_owned()), ..right.clone() },
        Row { state: "free".to_owned(), ..right.clone() },
        Row { state: "unrated".to_owned(), ..right.clone() },
    ];
    for row in wrong {
        assert_eq!(
            found(&sent, &[served(&sent)], std::slice::from_ref(&row), true),
            [Kind::Double],
            "{row:?}"
        );
    }
}

#[test]
fn what_never_reached_the_upstream_costs_nothing() {
    let mut sent = sent();
    sent.got = Got { sent: true, status: Some(502), whole: true, hung: false };
    assert_eq!(found(&sent, &[], &[], false), [], "it was refused");
    assert_eq!(found(&sent, &[], &[row(&sent)], false), [Kind::Double]);
    let failed = Row {
        state: "free".to_owned(),
        usage_source: "none".to_owned(),
        outcome: "failed".to_owned(),
        counts: None,
        cost: "0".to_owned(),
        ..row(&sent)
    };
    assert_eq!(found(&sent, &[], &[failed], false), []);
}

#[test]
fn a_stream_that_was_cut_off_may_be_charged_what_was_stated_until_then_and_no_more() {
    let mut sent = sent();
    sent.got.whole = false;
    // 1,000 × 0.0000025 + 1 × 0.00001.
    let begun = Some(Counts { completion: 1, ..STATED });
    let cut =
        Row { outcome: "cancelled".to_owned(), counts: begun, cost: "0.00251".to_owned(), ..row(&sent) };
    assert_eq!(found(&sent, &[served(&sent)], std::slice::from_ref(&cut), true), []);
    let completed = Row { outcome: "completed".to_owned(), ..cut.clone() };
    assert_eq!(found(&sent, &[served(&sent)], &[completed], true), [Kind::Double]);
    let more = Some(Counts { completion: 501, ..STATED });
    let more = Row { counts: more, cost: "0.00751".to_owned(), ..cut };
    assert_eq!(found(&sent, &[served(&sent)], &[more], true), [Kind::Double]);
}

#[test]
fn a_balance_is_what_was_given_less_what_was_spent() {
    let balances = |ada: &str| {
        let full = |user: &str| (user.to_owned(), ("10".to_owned(), "10".to_owned()));
        let mut balances: HashMap<_, _> = [full("grace"), full("barbara")].into();
        balances.insert("ada".to_owned(), (ada.to_owned(), "10.000000000000".to_owned()));
        balances
    };
    let spent = HashMap::from([("ada".to_owned(), "2.5".to_owned())]);
    assert_eq!(compare_balances(&balances("7.5"), &spent), []);
    assert_eq!(compare_balances(&balances("7.500000000001"), &spent).len(), 1);
    assert_eq!(compare_balances(&HashMap::new(), &spent).len(), 3);
}
