//! The recordings read whole, where they are there.

use std::collections::HashSet;

use tollgate_testkit::{corpus::read_corpus, shared_dir, trace::read_trace};

#[test]
fn every_recorded_exchange_reads() {
    let Some(shared) = shared_dir() else {
        eprintln!("skipped: no directory `shared` beside the repository");
        return;
    };
    let exchanges = read_corpus(&shared);
    assert_eq!(exchanges.len(), 1_587);
    assert_eq!(exchanges.iter().filter(|exchange| exchange.expected.is_some()).count(), 1_555);
    let ids: HashSet<_> = exchanges.iter().map(|exchange| &exchange.id).collect();
    assert_eq!(ids.len(), exchanges.len());
}

#[test]
fn every_request_of_the_trace_reads_to_the_microsecond() {
    let Some(shared) = shared_dir() else {
        eprintln!("skipped: no directory `shared` beside the repository");
        return;
    };
    let trace = read_trace(&shared);
    assert_eq!(trace.len(), 8_819);
    assert_eq!(trace[0].at.to_string(), "2023-11-16T18:17:03.97996Z");
    assert_eq!((trace[0].prompt, trace[0].completion), (4_808, 10));
    assert!(trace.is_sorted_by_key(|request| request.at));
}
