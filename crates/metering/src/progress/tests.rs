use super::*;

fn low_water(progress: &Progress) -> Position {
    progress.0.lock().low_water
}

#[test]
fn ranges_that_finish_in_order_move_the_mark_each_time() {
    let progress = Progress::default();
    assert_eq!(progress.with(1, 100), 100);
    progress.settle(1, 100);
    progress.settle(101, 101);
    assert_eq!((low_water(&progress), progress.settled()), (101, 101));
}

#[test]
fn a_later_range_moves_the_mark_only_when_the_gap_before_it_closes() {
    let progress = Progress::default();
    progress.settle(11, 20);
    assert_eq!(progress.with(21, 30), 0);
    progress.settle(21, 30);
    assert_eq!(low_water(&progress), 0);
    assert_eq!(progress.with(1, 10), 30);
    progress.settle(1, 10);
    assert_eq!((low_water(&progress), progress.settled()), (30, 30));
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
            progress.settle(first, last);
        }
        let state = progress.0.lock();
        assert_eq!((state.low_water, state.settled, state.ahead.len()), (13, 13, 0));
    }
}
