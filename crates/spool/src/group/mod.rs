//! One group: the blob of records that one commit writes. Pure.
//!
//! Format version 1, all numbers little-endian:
//!
//! ```text
//! offset  bytes  what
//!      0      8  "TOLLGRP\0"
//!      8      2  format version, 1
//!     10      2  number of records, 1 to 256
//!     12      4  length of the body
//!     16      8  sequence
//!     24      4  CRC-32C of bytes 0 to 24 and the body
//!     28      …  the body: per record its kind (1 byte), its length (4), its bytes
//! ```
//!
//! A group names itself, its sequence and its length, so it can be found in the bytes of a file whose structure is lost, and a group
//! that stands in another's place is not taken for it.

/// Most records in one group. A bitmap of acknowledgements is then 32 bytes, and damage to one group costs no more than this.
pub const MAX_GROUP_RECORDS: usize = 256;
/// Most bytes of records in one group, so that a commit stays short and a read of one group small.
pub const MAX_GROUP_BYTES: usize = 1024 * 1024;
/// What a group begins with.
pub(crate) const MAGIC: [u8; 8] = *b"TOLLGRP\0";
/// The version that this build writes.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes before the body.
pub(crate) const HEADER_BYTES: usize = 28;
/// Bytes before each record.
pub(crate) const RECORD_HEADER_BYTES: usize = 5;
const CRC_AT: usize = 24;
const MAX_BODY_BYTES: usize = MAX_GROUP_BYTES + MAX_GROUP_RECORDS * RECORD_HEADER_BYTES;

/// One opaque record, with a tag that its owner gives a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What kind of record it is, for its owner.
    pub kind: u8,
    /// Its bytes, as they were appended.
    pub bytes: Vec<u8>,
}

/// Why the bytes are no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAGroup {
    /// A whole group of a later version.
    Newer(u16),
    /// Damaged.
    Damaged,
}

/// The bytes of a group. The caller keeps to the limits of records and bytes.
pub(crate) fn encode<'a>(sequence: u64, records: impl Iterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    let mut count: u16 = 0;
    for (kind, record) in records {
        bytes.push(kind);
        bytes.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(record);
        count = count.saturating_add(1);
    }
    let body = u32::try_from(bytes.len() - HEADER_BYTES).unwrap_or(u32::MAX);
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[10..12].copy_from_slice(&count.to_le_bytes());
    bytes[12..16].copy_from_slice(&body.to_le_bytes());
    bytes[16..24].copy_from_slice(&sequence.to_le_bytes());
    let crc = checksum(&bytes);
    bytes[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The records of a group, if these bytes are exactly the group of this sequence.
pub(crate) fn decode(sequence: u64, bytes: &[u8]) -> Result<Vec<Record>, NotAGroup> {
    let header = Header::read(bytes).ok_or(NotAGroup::Damaged)?;
    if header.sequence != sequence
        || HEADER_BYTES + header.body != bytes.len()
        || checksum(bytes) != header.crc
    {
        return Err(NotAGroup::Damaged);
    }
    if header.version != FORMAT_VERSION {
        return Err(NotAGroup::Newer(header.version));
    }
    let mut records = Vec::with_capacity(header.records);
    let mut rest = &bytes[HEADER_BYTES..];
    while let Some((&kind, after)) = rest.split_first() {
        let (length, after) = after.split_first_chunk::<4>().ok_or(NotAGroup::Damaged)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| NotAGroup::Damaged)?;
        let (record, after) = after.split_at_checked(length).ok_or(NotAGroup::Damaged)?;
        records.push(Record { kind, bytes: record.to_vec() });
        rest = after;
    }
    if records.len() != header.records || records.is_empty() || records.len() > MAX_GROUP_RECORDS {
        return Err(NotAGroup::Damaged);
    }
    Ok(records)
}

/// The group that begins these bytes, if one does and it is whole: its sequence and its bytes.
pub(crate) fn find_at_start(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let header = Header::read(bytes)?;
    let group = bytes.get(..HEADER_BYTES + header.body)?;
    (checksum(group) == header.crc).then_some((header.sequence, group))
}

struct Header {
    version: u16,
    records: usize,
    body: usize,
    sequence: u64,
    crc: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        let field = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let header = Self {
            version: u16::from_le_bytes([bytes[8], bytes[9]]),
            records: usize::from(u16::from_le_bytes([bytes[10], bytes[11]])),
            body: usize::try_from(field(12)).ok()?,
            sequence: u64::from(field(16)) | (u64::from(field(20)) << 32),
            crc: field(CRC_AT),
        };
        (bytes.starts_with(&MAGIC) && header.body <= MAX_BODY_BYTES).then_some(header)
    }
}

fn checksum(group: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&group[..CRC_AT]), &group[HEADER_BYTES..])
}

#[cfg(test)]
mod tests;
