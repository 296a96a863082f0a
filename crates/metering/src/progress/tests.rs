use super::*;
use tollgate_store::instances::LogMark;

/// A stretch that reaches its own last index.
fn stretch(first: i64, last: i64) -> Stretch {
    of_generation(0, first, last)
}

fn of_generation(generation: u64, first: i64, last: i64) -> Stretch {
    let mark = LogMark { log_position: last, ..LogMark::default() };
    Stretch { generation, first, last, reach: Reach { position: last, mark: Some(mark) } }
}

fn low_water(progress: &Progress) -> i64 {
    progress.0.lock().low_water
}

fn reached(progress: &Progress, stretch: &Stretch) -> Option<i64> {
    progress.with(stretch).map(|reach| reach.position)
}

#[test]
fn ranges_that_finish_in_order_move_the_mark_each_time() {
    let progress = Progress::default();
    assert_eq!(reached(&progress, &stretch(1, 100)), Some(100));
    progress.settle(&stretch(1, 100));
    progress.settle(&stretch(101, 101));
    assert_eq!((low_water(&progress), progress.settled()), (101, 101));
}

#[test]
fn a_later_range_moves_the_mark_only_when_the_gap_before_it_closes() {
    let progress = Progress::default();
    progress.settle(&stretch(11, 20));
    assert_eq!(reached(&progress, &stretch(21, 30)), None);
    progress.settle(&stretch(21, 30));
    assert_eq!(low_water(&progress), 0);
    assert_eq!(reached(&progress, &stretch(1, 10)), Some(30));
    progress.settle(&stretch(1, 10));
    assert_eq!((low_water(&progress), progress.settled()), (30, 30));
}

#[test]
fn a_new_generation_begins_at_one_and_the_old_one_moves_nothing_any_more() {
    let progress = Progress::default();
    progress.settle(&stretch(1, 50));
    assert_eq!(reached(&progress, &of_generation(1, 1, 10)), Some(10));
    assert_eq!(reached(&progress, &stretch(51, 60)), None);
    progress.settle(&stretch(51, 60));
    assert_eq!(low_water(&progress), 0);
    progress.settle(&of_generation(1, 1, 10));
    assert_eq!((low_water(&progress), progress.settled()), (10, 70));
}

#[test]
fn any_order_of_ranges_ends_at_the_same_mark() {
    // Every permutation of five ranges.
    let ranges = [(1, 3), (4, 4), (5, 9), (10, 12), (13, 13)];
    for seed in 0..120_usize {
        let mut left = ranges.to_vec();
        let progress = Progress::default();
        let mut digits = seed;
        while !left.is_empty() {
            let (first, last) = left.remove(digits % left.len());
            digits /= left.len() + 1;
            progress.settle(&stretch(first, last));
        }
        let state = progress.0.lock();
        assert_eq!((state.low_water, state.settled, state.ahead.len()), (13, 13, 0));
    }
}
