//! The gateway's part of a record, without the gateway: an admission and an end for each, appended to the journal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tollgate_domain::RawAnalyticsRecord;
use tollgate_metering::Position;
use tollgate_metering::journal::{Journal, NoPlace, Pending, Place};

/// Ends that may wait to become durable at once: as many requests as a busy gateway has in flight.
const IN_FLIGHT: usize = 4_096;
/// What is said of the length of a request's body.
const BODY_BYTES: u64 = 4_000;
/// How long to wait for room in a full spool.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Appends every record, as fast as the spool takes them; returns when the last is durable.
pub(crate) async fn append_all(journal: &Journal, records: Vec<RawAnalyticsRecord>) -> anyhow::Result<()> {
    let mut pending: VecDeque<Pending> = VecDeque::with_capacity(IN_FLIGHT);
    for record in records {
        let (mut place, mut record) = admitted(journal, record).await?;
        // That it is durable is known when its end is.
        drop(admit(&mut place, &mut record));
        let (_, end) = place.finish(record);
        pending.push_back(end);
        if pending.len() >= IN_FLIGHT
            && let Some(oldest) = pending.pop_front()
        {
            oldest.durable().await?;
        }
    }
    for end in pending {
        end.durable().await?;
    }
    Ok(())
}

/// A request that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Its place among the ends.
    pub(crate) position: Position,
    /// Before its end was appended.
    pub(crate) at: Instant,
    /// When its end was durable, and the client would have had its last bytes.
    pub(crate) durable_at: Instant,
}

/// Requests at a constant mean rate whatever becomes of them, until there are no more records: each is admitted, waits for that to be durable, ends,
/// and waits for that. In the order of their positions.
pub(crate) async fn at_rate(
    journal: &Journal,
    records: Vec<RawAnalyticsRecord>,
    per_second: f64,
) -> anyhow::Result<Vec<Ended>> {
    let ended = Arc::new(Mutex::new(Vec::with_capacity(records.len())));
    let mut random = SmallRng::seed_from_u64(1);
    let mut requests = tokio::task::JoinSet::new();
    let mut next = Instant::now();
    for record in records {
        // Arrivals of many independent clients: a Poisson process.
        let gap = -(1.0 - random.random::<f64>()).ln() / per_second;
        next += Duration::from_secs_f64(gap);
        tokio::time::sleep_until(next.into()).await;
        let (journal, ended) = (journal.clone(), Arc::clone(&ended));
        requests.spawn(async move {
            let one = request(&journal, record).await?;
            ended.lock().push(one);
            Ok::<(), anyhow::Error>(())
        });
    }
    while let Some(request) = requests.join_next().await {
        request??;
    }
    let mut ended = std::mem::take(&mut *ended.lock());
    ended.sort_unstable_by_key(|one| one.position);
    Ok(ended)
}

async fn request(journal: &Journal, record: RawAnalyticsRecord) -> anyhow::Result<Ended> {
    let (mut place, mut record) = admitted(journal, record).await?;
    admit(&mut place, &mut record).durable().await?;
    let at = Instant::now();
    let (position, end) = place.finish(record);
    end.durable().await?;
    Ok(Ended { position, at, durable_at: Instant::now() })
}

/// Takes a place and gives the record its identity.
async fn admitted(
    journal: &Journal,
    mut record: RawAnalyticsRecord,
) -> anyhow::Result<(Place, RawAnalyticsRecord)> {
    let place = loop {
        match journal.try_reserve() {
            Ok(place) => break place,
            Err(NoPlace::Full) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(NoPlace::Broken) => bail!("the spool is broken"),
        }
    };
    record.instance_id = journal.instance_id();
    record.correlation_id = place.correlation_id();
    Ok((place, record))
}

/// Appends the admission, with what a gateway knows by then.
fn admit(place: &mut Place, record: &mut RawAnalyticsRecord) -> Pending {
    let usage = std::mem::take(&mut record.usage);
    let (response_model, finish_reason) = (record.response_model.take(), record.finish_reason.take());
    let pending = place.admit(record, Some(BODY_BYTES));
    record.usage = usage;
    record.response_model = response_model;
    record.finish_reason = finish_reason;
    pending
}
