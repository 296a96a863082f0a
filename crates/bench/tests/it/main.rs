//! What the hot functions promise about memory, by a counting allocator. In a program of its own: the allocator counts everything that
//! its thread does.

#[expect(dead_code, reason = "the other workloads are for criterion and callgrind")]
#[path = "../../src/tap/workloads.rs"]
mod workloads;

use allocation_counter::measure;
use tollgate_domain::UsageSource;
use tollgate_gateway::usage::tap::BodyEnd;

#[test]
fn no_frame_of_a_stream_allocates() {
    let frames = workloads::frames();
    let (usage, frames) = frames.split_last().unwrap();
    let (first, rest) = frames.split_at(100);
    let mut tap = workloads::stream_tap();
    for frame in first {
        tap.push(frame.clone());
    }
    let allocated = measure(|| {
        for frame in rest {
            std::hint::black_box(tap.push(frame.clone()));
        }
    });
    tap.push(usage.clone());
    let finished = tap.finish(BodyEnd::Complete);
    assert_eq!(finished.observed.usage.completion_tokens, Some(2000));
    assert_eq!(finished.observed.usage_source, UsageSource::Provider);
    // What is kept of the text for an estimate grows now and then, by doubling.
    let growths = u64::from(rest.len().ilog2());
    assert!(allocated.count_total <= growths, "{allocated:?} for {} frames", rest.len());
}

#[test]
fn a_charge_allocates_nothing() {
    let (usage, prices) = (workloads::stated(), workloads::prices().unwrap());
    let mut cost = None;
    let allocated = measure(|| cost = workloads::charge_one(&usage, &prices));
    // 1,072 × 3 + 2,048 × 0.3 + 412 × 15 millionths.
    assert_eq!(cost.unwrap().to_string(), "0.0100104");
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}
