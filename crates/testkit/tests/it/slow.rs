//! Clients that are slow on purpose, and what a process is seen to have.

use std::time::Duration;

use tollgate_testkit::{
    ProcessUse, ScriptedUpstream,
    slow_clients::{SlowClients, SlowKind, SlowPlan, held},
};

fn plan(upstream: &ScriptedUpstream) -> SlowPlan {
    SlowPlan {
        address: upstream.address(),
        key: "any".to_owned(),
        model: "m".to_owned(),
        pace: Duration::from_millis(5),
        opening_pace: Duration::ZERO,
    }
}

#[tokio::test]
async fn every_kind_is_held_until_the_server_ends_it_and_then_opened_anew() {
    let upstream = ScriptedUpstream::start().await;
    let clients = SlowClients::open(&plan(&upstream), 10);
    let tallies = clients.wait_for(|tallies| held(tallies) == 10).await;
    for kind in SlowKind::ALL {
        assert_eq!((tallies[&kind].held, tallies[&kind].ended, tallies[&kind].failed), (2, 0, 0), "{kind:?}");
    }
    let long = upstream.books().into_iter().filter(|entry| entry.stream).collect::<Vec<_>>();
    assert!(long.len() == 2 && long.iter().all(|entry| !entry.ended), "{long:?}");

    drop(upstream);
    let ended = |tally: &tollgate_testkit::slow_clients::SlowTally| tally.ended >= 2 && tally.failed >= 1;
    // Behind a stream that nobody reads, an orderly end is not seen.
    let tallies = clients
        .wait_for(|tallies| tallies.iter().all(|(kind, tally)| *kind == SlowKind::NonReader || ended(tally)))
        .await;
    assert_eq!(tallies[&SlowKind::NonReader].held, 2);
    let tallies = clients.close().await;
    assert_eq!(held(&tallies), 0);
}

#[test]
fn memory_descriptors_and_threads_of_this_process_are_seen() {
    let files: Vec<_> = (0..50).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    let seen = ProcessUse::of(std::process::id()).unwrap();
    assert!(seen.descriptors >= 50 && seen.threads >= 1, "{seen:?}");
    assert!(seen.private_bytes > 0 && seen.resident_bytes >= seen.private_bytes, "{seen:?}");
    drop(files);
    assert!(ProcessUse::of(0x7fff_fff0).is_err(), "nobody has this pid");
}
