use tollgate_domain::Credits;

use super::*;

/// Of five records, those that went in; each costs one.
fn wrote(inserted: &[usize]) -> Written {
    Written {
        inserted: inserted.len() as u64,
        skipped: (0..5).filter(|index| !inserted.contains(index)).collect(),
        duplicates: 5 - inserted.len() as u64,
        charged: Credits::from_pico(inserted.len() as i128).unwrap(),
        ..Written::default()
    }
}

fn counted(unanswered: &[&[usize]], answered: &[usize]) -> (u64, i128, Vec<usize>) {
    let mut doubt = Doubt::default();
    for inserted in unanswered {
        doubt.leave(wrote(inserted));
    }
    let mut written = wrote(answered);
    doubt.conclude(&mut written);
    (written.inserted, written.charged.pico(), written.skipped)
}

#[test]
fn what_is_found_is_counted_once() {
    let all = [0, 1, 2, 3, 4];
    assert_eq!(counted(&[&all], &[]), (5, 5, vec![]));
    assert_eq!(counted(&[&all, &[], &[]], &[]), (5, 5, vec![]), "found again and again without an answer");
}

#[test]
fn what_is_written_again_is_counted_once() {
    let all = [0, 1, 2, 3, 4];
    assert_eq!(counted(&[&all], &all), (5, 5, vec![]));
    assert_eq!(counted(&[&all, &all], &[]), (5, 5, vec![]), "the second of three");
}

#[test]
fn what_was_there_before_the_first_try_is_not_counted() {
    assert_eq!(counted(&[&[1, 3]], &[]), (2, 2, vec![0, 2, 4]));
    assert_eq!(counted(&[], &[]), (0, 0, vec![0, 1, 2, 3, 4]));
}

#[test]
fn what_may_not_even_have_been_sent_is_counted_by_what_was_written_later() {
    assert_eq!(counted(&[&[0, 1, 2, 3, 4]], &[1, 2]), (2, 2, vec![0, 3, 4]));
}

#[test]
fn a_record_that_is_found_in_quarantine_is_counted_as_set_aside() {
    let mut doubt = Doubt::default();
    doubt.leave(Written { quarantined: 1, ..Written::default() });
    let mut written = Written::default();
    doubt.conclude(&mut written);
    assert_eq!(written.quarantined, 1);
}
