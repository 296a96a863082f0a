//! How full the spool is, what is refused at which point, and the reserve on the disk.

use std::{fs::File, io::Write, path::Path};

use rustix::fs::{FallocateFlags, fallocate};

use crate::{
    Options, SpoolError,
    group::RECORD_HEADER_BYTES,
    options::{REFUSE_PERCENT, WARNING_PERCENT},
};

/// Whose record it is, which decides what it waits for and what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Work that is about to be admitted: refused when the spool fills up. Nobody waits for it yet, so it may wait a moment for company.
    Admission,
    /// What belongs to work that was admitted: always fits, and is committed at once, as somebody waits for it.
    Admitted,
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Below the warning.
    Normal,
    /// Beyond [`WARNING_PERCENT`].
    Warning,
    /// Beyond [`REFUSE_PERCENT`]: new admissions are refused.
    AdmissionsRefused,
    /// Limit or file system are full: the reserve was given up, new admissions are refused.
    ReserveInUse,
}

/// The account of space.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    limit: u64,
    reserve: u64,
    used: u64,
    queued: u64,
    reserve_released: bool,
    last_reserve_released: bool,
}

impl Space {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            limit: options.size_limit_bytes,
            reserve: options.reserve_bytes,
            used: 0,
            queued: 0,
            reserve_released: false,
            last_reserve_released: false,
        }
    }

    /// Whether an admission would be taken now.
    pub(crate) fn check_admission(&self) -> Result<(), SpoolError> {
        if self.last_reserve_released {
            return Err(SpoolError::DiskFull);
        }
        if self.reserve_released || self.total() >= percent(self.limit, REFUSE_PERCENT) {
            return Err(SpoolError::AdmissionRefused { used_bytes: self.total(), limit_bytes: self.limit });
        }
        Ok(())
    }

    /// Take the space for a record, or say why there is none.
    pub(crate) fn take(&mut self, class: Class, record_bytes: usize) -> Result<(), SpoolError> {
        let bytes = cost(record_bytes);
        let wanted = self.total().saturating_add(bytes);
        match class {
            _ if self.last_reserve_released => Err(SpoolError::DiskFull),
            Class::Admission if self.reserve_released || wanted > percent(self.limit, REFUSE_PERCENT) => {
                Err(SpoolError::AdmissionRefused { used_bytes: self.total(), limit_bytes: self.limit })
            }
            Class::Admitted if wanted > self.limit.saturating_add(self.reserve) => Err(SpoolError::Full {
                used_bytes: self.total(),
                limit_bytes: self.limit,
                reserve_bytes: self.reserve,
            }),
            _ => {
                self.queued = self.queued.saturating_add(bytes);
                Ok(())
            }
        }
    }

    /// The record is no longer in the queue; what it takes in the database is measured.
    pub(crate) fn give_back(&mut self, record_bytes: usize) {
        self.queued = self.queued.saturating_sub(cost(record_bytes));
    }

    pub(crate) fn measured(&mut self, used: u64) {
        self.used = used;
    }

    pub(crate) fn reserve_is_released(&mut self, released: bool) {
        self.reserve_released = released;
    }

    /// Nothing but acknowledgements is written any more. Tells whether it was so before.
    pub(crate) fn last_reserve_is_released(&mut self, released: bool) -> bool {
        std::mem::replace(&mut self.last_reserve_released, released)
    }

    pub(crate) fn is_reserve_released(&self) -> bool {
        self.reserve_released
    }

    pub(crate) fn level(&self) -> Level {
        let total = self.total();
        if self.reserve_released || total > self.limit {
            Level::ReserveInUse
        } else if total > percent(self.limit, REFUSE_PERCENT) {
            Level::AdmissionsRefused
        } else if total > percent(self.limit, WARNING_PERCENT) {
            Level::Warning
        } else {
            Level::Normal
        }
    }

    /// Whether what is acknowledged should go, although nobody asked for it yet.
    pub(crate) fn is_under_pressure(&self) -> bool {
        self.reserve_released || !self.has_room()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.used <= percent(self.limit, WARNING_PERCENT)
    }

    pub(crate) fn is_over_the_limit(&self) -> bool {
        self.used > self.limit
    }

    pub(crate) fn total(&self) -> u64 {
        self.used.saturating_add(self.queued)
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// What records of admitted work can still take.
    pub(crate) fn left_for_admitted(&self) -> u64 {
        self.limit.saturating_add(self.reserve).saturating_sub(self.total())
    }
}

fn cost(record_bytes: usize) -> u64 {
    (record_bytes + RECORD_HEADER_BYTES) as u64
}

fn percent(of: u64, percent: u64) -> u64 {
    of / 100 * percent + of % 100 * percent / 100
}

/// Set the reserve aside, with real blocks. One that is there already costs nothing.
pub(crate) fn set_reserve_aside(path: &Path, bytes: u64) -> std::io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() == bytes {
        return Ok(());
    }
    file.set_len(0)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP) => {
            let zeros = vec![0; 64 * 1024];
            let mut left = bytes;
            while left > 0 {
                let part = left.min(zeros.len() as u64);
                file.write_all(&zeros[..usize::try_from(part).unwrap_or(zeros.len())])?;
                left -= part;
            }
            file.sync_data()
        }
        Err(error) => {
            let error = error.into();
            // What was half set aside would be missing elsewhere.
            file.set_len(0)?;
            Err(error)
        }
    }
}
