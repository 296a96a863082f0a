//! What the spool knows of itself: its identity, where its queue begins and ends, which identities are reserved.
//!
//! It is kept twice: in the database, written in the transactions that change it, and in a small file beside it, the
//! *mark*, written without fsync after each commit. SQLite drops a torn or damaged tail of its write-ahead log without a word; the
//! mark knows how far the queue had come, so such a loss is seen. A mark may be behind what is committed, never ahead of it.
//!
//! One mark is written with an fsync: the last word of a spool whose commit failed, *before* anybody is told so. It says that the queue
//! ends there, and that whatever else is found is void.
//!
//! 64 bytes, little-endian: "TOLLMRK\0", format version (2), whether what is found behind `next` is void (1), unused (5), instance id (16),
//! first (8), next (8), identities (8), unused (4), CRC-32C of the 60 bytes before.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use uuid::Uuid;

use crate::{SpoolError, group::FORMAT_VERSION};

/// Bytes of an encoded state.
pub(crate) const STATE_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"TOLLMRK\0";
const VOID_AT: usize = 10;
const CRC_AT: usize = 60;

/// The spool's knowledge of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) instance: Uuid,
    /// The first group that has not been forgotten.
    pub(crate) first: u64,
    /// The sequence of the next group. Exact in the mark; in the database it may be behind, as the groups there say it.
    pub(crate) next: u64,
    /// Identities below this may have been given out.
    pub(crate) identities: i64,
}

impl State {
    /// Of a spool that is made now.
    pub(crate) fn new(instance: Uuid) -> Self {
        Self { instance, first: 1, next: 1, identities: 1 }
    }

    pub(crate) fn encode(&self) -> [u8; STATE_BYTES] {
        let mut bytes = [0; STATE_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(self.instance.as_bytes());
        bytes[32..40].copy_from_slice(&self.first.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.next.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.identities.to_le_bytes());
        seal(&mut bytes);
        bytes
    }

    /// `None` where the bytes are damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Self>, SpoolError> {
        let Ok(bytes) = <&[u8; STATE_BYTES]>::try_from(bytes) else { return Ok(None) };
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        if bytes[..8] != MAGIC || bytes[CRC_AT..] != crc.to_le_bytes() {
            return Ok(None);
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != FORMAT_VERSION {
            return Err(SpoolError::NewerFormat { found: version, known: FORMAT_VERSION });
        }
        let number = |at: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&bytes[at..at + 8]);
            field
        };
        let mut instance = [0; 16];
        instance.copy_from_slice(&bytes[16..32]);
        Ok(Some(Self {
            instance: Uuid::from_bytes(instance),
            first: u64::from_le_bytes(number(32)),
            next: u64::from_le_bytes(number(40)),
            identities: i64::from_le_bytes(number(48)),
        }))
    }
}

fn seal(bytes: &mut [u8; STATE_BYTES]) {
    let crc = crc32c::crc32c(&bytes[..CRC_AT]);
    bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
}

/// What the file beside the database says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Absent,
    Unreadable,
    Says(State),
    /// The commit after this state failed, and those who waited for it were told so.
    EndsAt(State),
}

impl Mark {
    fn read(bytes: &[u8; STATE_BYTES]) -> Result<Self, SpoolError> {
        Ok(match State::decode(bytes)? {
            None => Self::Unreadable,
            Some(state) if bytes[VOID_AT] == 0 => Self::Says(state),
            Some(state) => Self::EndsAt(state),
        })
    }

    /// The state, where it can be read.
    pub(crate) const fn state(self) -> Option<State> {
        match self {
            Self::Says(state) | Self::EndsAt(state) => Some(state),
            Self::Absent | Self::Unreadable => None,
        }
    }

    /// From which group on everything that is found is void, of the spool with this identity.
    pub(crate) fn void_from(self, instance: Uuid) -> Option<u64> {
        match self {
            Self::EndsAt(state) => (state.instance == instance).then_some(state.next),
            _ => None,
        }
    }
}

/// The file that holds the mark.
#[derive(Debug)]
pub(crate) struct MarkFile(File);

impl MarkFile {
    pub(crate) fn open(path: &Path) -> Result<(Self, Mark), SpoolError> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(SpoolError::io("open", path))?;
        let length = file.metadata().map_err(SpoolError::io("read the length of", path))?.len();
        let mut bytes = [0; STATE_BYTES];
        let mark = if length == 0 {
            Mark::Absent
        } else if file.read_exact_at(&mut bytes, 0).is_err() {
            Mark::Unreadable
        } else {
            Mark::read(&bytes)?
        };
        Ok((Self(file), mark))
    }

    /// Best effort by design: a mark that is behind only sees less.
    pub(crate) fn write(&self, state: &State) -> std::io::Result<()> {
        self.0.write_all_at(&state.encode(), 0)
    }

    /// As [`MarkFile::write`], and on the disk when it returns.
    pub(crate) fn write_and_sync(&self, state: &State) -> std::io::Result<()> {
        self.write(state)?;
        self.0.sync_data()
    }

    /// Whatever is found behind this state is void: on the disk when it returns.
    pub(crate) fn end_at(&self, state: &State) -> std::io::Result<()> {
        let mut bytes = state.encode();
        bytes[VOID_AT] = 1;
        seal(&mut bytes);
        self.0.write_all_at(&bytes, 0)?;
        self.0.sync_data()
    }
}
