use super::*;
use crate::journal::wire::{self, ADMITTED, FINISHED};
use jiff::Timestamp;
use tollgate_domain::{Batch, Credential, StatedUsage, UsageSource};
use tollgate_spool::Position;

const LIFE_BEGINS: u64 = 100;

fn record(number: i64, outcome: Outcome) -> RawAnalyticsRecord {
    RawAnalyticsRecord {
        instance_id: InstanceId::from_uuid(uuid::Uuid::from_u128(1)),
        correlation_id: CorrelationId::new(number),
        timestamp: Timestamp::UNIX_EPOCH,
        method: "POST".to_owned(),
        uri: "/".to_owned(),
        model_id: None,
        request_model: None,
        response_model: None,
        status_code: 200,
        duration_ms: 0,
        duration_to_first_byte_ms: None,
        usage: StatedUsage::default(),
        usage_source: UsageSource::None,
        outcome,
        response_type: String::new(),
        finish_reason: None,
        user_agent: None,
        server_address: None,
        server_port: None,
        served_by: None,
        credential: Credential::None,
        batch: Batch::default(),
        trace_id: None,
    }
}

fn at(sequence: u64, index: u16) -> Position {
    Position { sequence, index }
}

fn admitted(number: i64) -> Entry {
    wire::decode(ADMITTED, &wire::encode_admitted(&record(number, Outcome::Cancelled), None)).unwrap()
}

fn finished(number: i64, position: i64) -> Entry {
    ended(number, position, Outcome::Completed, false)
}

fn ended(number: i64, position: i64, outcome: Outcome, without_admission: bool) -> Entry {
    let mut bytes = wire::encode_finished(record(number, outcome), 0, without_admission);
    wire::set_position(&mut bytes, position);
    wire::decode(FINISHED, &bytes).unwrap()
}

fn reader(log_position: i64) -> Reader {
    let mark = LogMark { log_position, admitted: 10, finished: 8, interrupted: 1 };
    let life = Life { begins: LIFE_BEGINS, started: Instant::now() };
    Reader::new(life, Stand { committed_position: 40, mark })
}

fn delivered(step: Step) -> Box<Delivered> {
    match step {
        Step::Deliver(delivered) => delivered,
        other => panic!("not delivered: {other:?}"),
    }
}

fn mark(delivered: &Delivered) -> (i64, i64, i64, i64) {
    let LogMark { log_position, admitted, finished, interrupted } = delivered.reach.mark.unwrap();
    (log_position, admitted, finished, interrupted)
}

#[test]
fn an_end_goes_to_the_books_and_takes_its_admission_along() {
    let mut reader = reader(0);
    assert!(matches!(reader.read(at(1, 0), admitted(5)), Step::Open));
    assert!(matches!(reader.read(at(1, 1), admitted(6)), Step::Open));
    assert_eq!(reader.open_requests(), 2);
    let end = delivered(reader.read(at(2, 0), finished(5, 1)));
    assert_eq!(end.spooled, Spooled { end: at(2, 0), admission: Some(at(1, 0)) });
    assert_eq!(mark(&end), (number(at(2, 0)) + 1, 12, 9, 1));
    assert_eq!(reader.open_requests(), 1);
}

#[test]
fn what_is_before_the_mark_was_counted_and_is_not_delivered() {
    let mut reader = reader(number(at(3, 1)));
    reader.read(at(1, 0), admitted(5));
    let step = reader.read(at(3, 0), finished(5, 1));
    assert!(matches!(step, Step::Known(Spooled { admission: Some(_), .. })), "{step:?}");
    reader.read(at(3, 1), admitted(6));
    let end = delivered(reader.read(at(3, 2), finished(6, 1)));
    assert_eq!(mark(&end), (number(at(3, 2)) + 1, 11, 9, 1));
}

#[test]
fn an_admission_before_the_mark_and_its_end_after_it_count_once_each() {
    let mut reader = reader(number(at(3, 0)));
    reader.read(at(1, 0), admitted(5));
    let end = delivered(reader.read(at(3, 0), finished(5, 1)));
    assert_eq!(mark(&end), (number(at(3, 0)) + 1, 10, 9, 1));
}

#[test]
fn an_end_whose_admission_was_never_written_counts_as_both() {
    let mut reader = reader(0);
    let end = delivered(reader.read(at(1, 0), ended(5, 1, Outcome::Failed, true)));
    assert_eq!(mark(&end), (number(at(1, 0)) + 1, 11, 9, 1));
}

#[test]
fn an_end_that_did_not_know_of_its_admission_counts_it_where_it_is() {
    let mut reader = reader(number(at(1, 1)));
    reader.read(at(1, 0), admitted(5));
    reader.read(at(1, 1), admitted(6));
    let counted_before = delivered(reader.read(at(2, 0), ended(5, 1, Outcome::Failed, true)));
    assert_eq!(mark(&counted_before), (number(at(2, 0)) + 1, 11, 9, 1), "the sixth, and not the fifth again");
    let counted_now = delivered(reader.read(at(2, 1), ended(6, 2, Outcome::Failed, true)));
    assert_eq!(mark(&counted_now), (number(at(2, 1)) + 1, 11, 10, 1));
}

#[test]
fn only_requests_of_lives_that_are_over_are_interrupted_and_each_once() {
    let mut reader = reader(0);
    for (sequence, number) in [(1, 5), (2, 6), (LIFE_BEGINS, 7)] {
        reader.read(at(sequence, 0), admitted(number));
    }
    reader.read(at(3, 0), finished(5, 1));
    let interrupted: Vec<i64> =
        reader.take_interrupted().iter().map(|open| open.record.correlation_id.get()).collect();
    assert_eq!(interrupted, [6]);
    assert!(reader.take_interrupted().is_empty());
    let end = delivered(reader.read(at(LIFE_BEGINS, 1), ended(6, 41, Outcome::Interrupted, false)));
    assert_eq!(end.spooled.admission, Some(at(2, 0)));
    assert_eq!(mark(&end), (number(at(LIFE_BEGINS, 1)) + 1, 13, 9, 2));
}

#[test]
fn positions_are_those_of_this_life() {
    let mut reader = reader(0);
    let old = delivered(reader.read(at(5, 0), ended(1, 999, Outcome::Completed, true)));
    assert_eq!(old.reach.position, 40);
    let new = delivered(reader.read(at(LIFE_BEGINS, 0), ended(2, 41, Outcome::Completed, true)));
    assert_eq!(new.reach.position, 41);
}

#[test]
fn numbers_rise_with_positions_and_name_their_group() {
    assert!(number(at(1, 255)) < number(at(2, 0)));
    assert_eq!(sequence(number(at(7, 255))), 7);
    assert_eq!(sequence(number(at(7, 255)) + 1), 8);
    assert_eq!(sequence(0), 0);
}
