use super::*;
use crate::Class;

fn record(kind: u8) -> Waiting {
    let (receipt, _) = tokio::sync::oneshot::channel();
    Waiting { class: Class::Admission, kind, bytes: Vec::new(), receipt, desk: None }
}

fn kinds(records: impl Iterator<Item = Waiting>) -> Vec<u8> {
    records.map(|record| record.kind).collect()
}

#[test]
fn a_record_is_taken_back_once_and_the_others_keep_their_order_and_numbers() {
    let mut lingering = Lingering::default();
    let now = Instant::now();
    let numbers: Vec<u64> = (1..=5).map(|kind| lingering.push(now, record(kind))).collect();
    assert_eq!(lingering.remove(numbers[2]).map(|record| record.kind), Some(3));
    assert!(lingering.remove(numbers[2]).is_none());
    // The place in the middle goes with the front.
    assert_eq!(lingering.remove(numbers[0]).map(|record| record.kind), Some(1));
    assert_eq!(lingering.remove(numbers[1]).map(|record| record.kind), Some(2));
    assert_eq!(lingering.len(), 2);
    assert_eq!(lingering.remove(numbers[4]).map(|record| record.kind), Some(5));
    assert_eq!(kinds(lingering.drain()), [4]);
    assert!(lingering.is_empty() && lingering.due_at().is_none());
    let next = lingering.push(now, record(6));
    assert!(numbers.iter().all(|number| lingering.remove(*number).is_none()), "numbers are given once");
    assert_eq!(lingering.remove(next).map(|record| record.kind), Some(6));
}

#[test]
fn the_oldest_record_says_when_all_are_due_and_a_whole_group_is_due_at_once() {
    let mut lingering = Lingering::default();
    let (first, second) = (Instant::now(), Instant::now() + LINGER / 2);
    let number = lingering.push(first, record(1));
    lingering.push(second, record(2));
    assert_eq!(lingering.due_at(), Some(first + LINGER));
    assert!(!lingering.is_due(second) && lingering.is_due(first + LINGER));
    lingering.remove(number);
    assert_eq!(lingering.due_at(), Some(second + LINGER));
    for _ in 1..MAX_GROUP_RECORDS {
        lingering.push(second, record(3));
    }
    assert!(lingering.is_due(second));
}
