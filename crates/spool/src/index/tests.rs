use super::*;

fn three_groups_of_two() -> Index {
    let mut index = Index::new(1);
    for _ in 0..3 {
        index.push(2, false, 0);
    }
    index
}

fn at(sequence: u64, index: u16) -> Position {
    Position { sequence, index }
}

#[test]
fn the_low_water_mark_waits_for_the_oldest_record() {
    let mut index = three_groups_of_two();
    index.acknowledge_group(2);
    index.acknowledge(at(1, 1));
    assert_eq!((index.low_water(), index.waiting_records()), (1, 3));
    index.acknowledge(at(1, 0));
    assert_eq!((index.low_water(), index.waiting_records()), (3, 2));
}

#[test]
fn acknowledging_twice_or_what_does_not_exist_changes_nothing() {
    let mut index = three_groups_of_two();
    for position in [at(1, 0), at(1, 0), at(1, 2), at(0, 0), at(4, 0), at(u64::MAX, u16::MAX)] {
        index.acknowledge(position);
    }
    assert_eq!((index.low_water(), index.waiting_records()), (1, 5));
}

#[test]
fn what_was_saved_is_restored() {
    let mut index = three_groups_of_two();
    index.acknowledge(at(1, 1));
    index.acknowledge_group(3);
    let saved: Vec<_> = index.unsaved().collect();
    let mut again = three_groups_of_two();
    for (sequence, stored) in saved {
        again.restore(sequence, stored);
    }
    assert!(again.is_acknowledged(at(1, 1)) && !again.is_acknowledged(at(1, 0)) && again.is_done(3));
    assert!(!again.has_unsaved());
    assert_eq!(again.waiting_records(), 3);
}

#[test]
fn only_what_is_below_the_mark_is_forgotten() {
    let mut index = three_groups_of_two();
    index.acknowledge_up_to(2);
    index.acknowledge_group(3);
    assert_eq!(index.releasable(9), [3]);
    index.forget_below(4);
    assert_eq!((index.first(), index.next(), index.low_water()), (2, 4, 2));
    assert!(index.is_done(1) && !index.is_done(2) && index.is_done(3));
}

#[test]
fn a_group_with_more_records_than_its_row_said_still_waits() {
    let mut index = Index::new(1);
    index.push(1, false, 0);
    index.correct(1, 3);
    index.acknowledge(at(1, 0));
    assert_eq!((index.low_water(), index.waiting_records()), (1, 2));
}

/// Found by the model: a group lost after a part of it was acknowledged has a row that stands for one record.
#[test]
fn a_group_that_was_acknowledged_in_part_is_never_taken_for_done() {
    let mut stored = three_groups_of_two();
    stored.acknowledge(at(2, 0));
    let (_, partly) = stored.unsaved().next().unwrap();
    let mut index = Index::new(2);
    index.push(1, true, 0);
    index.restore(2, partly);
    assert!(!index.is_done(2));
    index.acknowledge_group(2);
    assert_eq!((index.low_water(), index.waiting_records()), (3, 0));
}

#[test]
fn groups_that_are_done_take_no_memory_and_a_backlog_gives_back_what_it_took() {
    let mut index = Index::new(1);
    for _ in 0..100_000 {
        index.push(1, false, 0);
        index.push(2, false, 0);
        index.acknowledge_up_to(index.next());
    }
    assert!(
        index.entries.is_empty() && index.entries.capacity() <= KEPT_CAPACITY,
        "{}",
        index.entries.capacity()
    );
    assert_eq!((index.first(), index.low_water(), index.next()), (1, 200_001, 200_001));
    assert_eq!(index.unsaved().count(), 200_000);
    index.saved();
    assert!(index.is_done(1) && index.is_acknowledged(at(200_000, 1)) && !index.is_done(200_001));

    for _ in 0..100_000 {
        index.push(1, false, 0);
    }
    assert!(index.entries.capacity() >= 100_000);
    // In the order of the books, which is nearly that of the groups.
    for sequence in (200_001..300_001).step_by(2) {
        index.acknowledge_group(sequence + 1);
        index.acknowledge_group(sequence);
    }
    assert!(index.entries.capacity() <= KEPT_CAPACITY * 2, "{}", index.entries.capacity());
    index.forget_below(250_000);
    assert_eq!((index.first(), index.low_water(), index.next()), (250_000, 300_001, 300_001));
    assert_eq!(index.unsaved().count(), 50_001, "what is forgotten need not be stored");
}
