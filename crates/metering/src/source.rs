//! Where a batcher's records come from, and who is told what became of them.

use std::sync::Arc;

use tollgate_domain::InstanceId;

use crate::journal;
use crate::sender::Stream;

/// The one source of a batcher.
#[derive(Debug)]
pub(crate) enum Source {
    /// A sender in this process; what waits is in memory.
    Memory(Arc<Stream>),
    /// The log of a spool.
    Spool(Arc<journal::Shared>),
}

impl Source {
    /// The stream that positions count in.
    pub(crate) fn instance_id(&self) -> InstanceId {
        match self {
            Self::Memory(stream) => stream.instance_id(),
            Self::Spool(journal) => journal.instance_id(),
        }
    }
}
