//! The hot functions under criterion.

#[path = "../src/tap/workloads.rs"]
mod workloads;

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_spool::{Class, Durability, Options, Spool};

/// Records appended at once: several groups.
const APPENDED: usize = 2_000;

/// Bytes of a record in the spool.
const RECORD: [u8; 320] = [7; 320];

/// Appends so many records and waits for the last; whether all are safe.
fn append(spool: &Spool, records: usize) -> bool {
    let mut last = None;
    for _ in 0..records {
        match spool.append(Class::Admitted, 1, RECORD) {
            Ok(receipt) => last = Some(receipt),
            Err(_) => return false,
        }
    }
    last.is_none_or(|last| last.wait().is_ok())
}

fn total(chunks: &[Bytes]) -> Throughput {
    Throughput::Bytes(chunks.iter().map(|chunk| chunk.len() as u64).sum())
}

fn usage_tap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("usage_tap");
    for (name, chunks) in [("stream_by_frames", workloads::frames()), ("stream_by_reads", workloads::reads())]
    {
        group.throughput(total(&chunks));
        group.bench_function(name, |bencher| bencher.iter(|| workloads::read_stream(black_box(&chunks))));
    }
    let body = workloads::json_body();
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("json", |bencher| bencher.iter(|| workloads::read_json(black_box(&body))));
    group.finish();
}

fn request_splice(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request_splice");
    let request = workloads::request();
    group.throughput(total(&request));
    group.bench_function("prompt_400k", |bencher| bencher.iter(|| workloads::splice(black_box(&request))));
    group.finish();
}

fn charge(criterion: &mut Criterion) {
    let (usage, prices) = (workloads::stated(), workloads::prices().unwrap_or_default());
    criterion.bench_function("charge", |bencher| {
        bencher.iter(|| workloads::charge_one(black_box(&usage), black_box(&prices)));
    });
}

fn spool_append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spool_append");
    group.throughput(Throughput::Elements(APPENDED as u64)).sample_size(20);
    for (name, durability) in [("os", Durability::Os), ("fsync", Durability::Fsync)] {
        let Ok(directory) = tempfile::tempdir() else { return };
        let options = Options::new(directory.path(), uuid::Uuid::now_v7()).durability(durability);
        // It is never acknowledged: with less room it would fill up.
        let options = options.limits(64 << 30, 0);
        let Ok(spool) = Spool::open(&options) else { return };
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert!(append(&spool, APPENDED), "the spool took everything"));
        });
        drop(spool.close());
    }
    group.finish();
}

criterion_group!(benches, usage_tap, request_splice, charge, spool_append);
criterion_main!(benches);
