//! A record on its way through the batcher's channel, and what the books reach with it.

use tokio::time::Instant;
use tollgate_domain::RawAnalyticsRecord;
use tollgate_spool as spool;
use tollgate_store::instances::LogMark;

use crate::Position;

/// A record on its way to the books.
#[derive(Debug)]
pub(crate) struct Queued {
    /// Deliveries are numbered within a generation; a new one begins when the log is read again from an earlier place.
    pub(crate) generation: u64,
    /// Its place in the channel: 1, 2, 3, … without gaps.
    pub(crate) index: i64,
    /// When the request ended.
    pub(crate) ended_at: Instant,
    pub(crate) record: RawAnalyticsRecord,
    /// What the books reach once everything up to this record is in them.
    pub(crate) reach: Reach,
    /// What the spool may forget once the record is in the books.
    pub(crate) spooled: Option<Spooled>,
}

/// How far the books are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reach {
    /// The last of the gateway's own ends that they include.
    pub(crate) position: Position,
    /// How far in the log of a spool they are; `None` without one.
    pub(crate) mark: Option<LogMark>,
}

/// Where a request stands in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spooled {
    pub(crate) end: spool::Position,
    /// Forgotten together with the end, never before it: an admission without an end is an open request.
    pub(crate) admission: Option<spool::Position>,
}
