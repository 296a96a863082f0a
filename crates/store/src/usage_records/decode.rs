//! Usage rows out of PostgreSQL's binary COPY format, read where the bytes lie: no row costs an allocation, and no column a look-up.
//!
//! The counterpart of [`super::encode`]. A value that a column of ours cannot hold (an infinite time, a state of another letter: somebody
//! dropped a constraint) is read as one that no honest row has, so that an audit finds it instead of stopping there.

use tollgate_domain::{CorrelationId, RecordDigest, UsageSource, UsageState};

use super::encode::COLUMN_COUNT;
use super::{RecordKey, ScannedRow, UsageCounts, UsageRow, state_letter};
use crate::StoreError;
use crate::utc::{UtcDay, UtcMicros};

/// What the stream begins with.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// In place of a number of columns: the end.
const TRAILER: i16 = -1;
/// In place of a length: null.
const NULL: i32 = -1;
/// The columns of a usage row, and the transaction that wrote it.
const SCANNED_COLUMNS: i16 = COLUMN_COUNT + 1;

/// Reads a stream piece by piece. PostgreSQL sends whole rows in each piece.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    has_begun: bool,
}

/// The stream is not what it should be.
#[derive(Debug)]
struct Malformed;

impl Decoder {
    /// Calls `each` for every row of the piece.
    pub(super) fn piece(&mut self, piece: &[u8], each: impl FnMut(ScannedRow)) -> Result<(), StoreError> {
        self.rows(piece, each).map_err(|Malformed| {
            StoreError::Corrupt("the database sent usage records in a form that is none of COPY's".to_owned())
        })
    }

    fn rows(&mut self, piece: &[u8], mut each: impl FnMut(ScannedRow)) -> Result<(), Malformed> {
        let mut input = Input(piece);
        if !self.has_begun {
            if input.take(SIGNATURE.len())? != SIGNATURE {
                return Err(Malformed);
            }
            input.take(4)?;
            let extension = input.i32()?;
            input.take(usize::try_from(extension).map_err(|_| Malformed)?)?;
            self.has_begun = true;
        }
        while !input.0.is_empty() {
            match input.i16()? {
                TRAILER => return Ok(()),
                SCANNED_COLUMNS => each(input.row()?),
                _ => return Err(Malformed),
            }
        }
        Ok(())
    }
}

/// Bytes that are still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// In the order of [`super::encode::COLUMNS`], then the transaction.
    fn row(&mut self) -> Result<ScannedRow, Malformed> {
        let requested_at = UtcMicros::from_wire(self.int8()?.unwrap_or(i64::MIN));
        let correlation_id = CorrelationId::new(self.int8()?.unwrap_or(0));
        let amount_pico = self.int8()?.unwrap_or(i64::MIN);
        let batch_created_at = self.int8()?.map(UtcMicros::from_wire);
        let raw_digest = self.digest()?;
        let rated_digest = self.digest()?;
        let day = UtcDay::from_wire(self.int4()?.unwrap_or(i32::MIN));
        let instance_no = self.int4()?.unwrap_or(0);
        let (user_no, key_no, model_no, tariff_no) = (self.int4()?, self.int4()?, self.int4()?, self.int4()?);
        let pricing_epoch = self.int4()?.unwrap_or(0);
        let dimensions_no = self.int4()?.unwrap_or(0);
        let duration_ms = self.int4()?.unwrap_or(0);
        let first_byte_ms = self.int4()?;
        let counts = UsageCounts {
            prompt: self.int4()?,
            completion: self.int4()?,
            total: self.int4()?,
            reasoning: self.int4()?.unwrap_or(0),
            cache_read: self.int4()?.unwrap_or(0),
            cache_write_5m: self.int4()?.unwrap_or(0),
            cache_write_1h: self.int4()?.unwrap_or(0),
            audio_input: self.int4()?.unwrap_or(0),
            audio_output: self.int4()?.unwrap_or(0),
            image_input: self.int4()?.unwrap_or(0),
        };
        let status_code = self.int2()?.unwrap_or(0);
        let flags = self.int2()?.unwrap_or(0);
        let (state_byte, source_byte) = (self.letter()?, self.letter()?);
        let xid = self.int4()?.unwrap_or(0).cast_unsigned();
        let state = state(state_byte);
        let row = UsageRow {
            key: RecordKey { day, instance_no, correlation_id },
            requested_at,
            batch_created_at,
            amount_pico,
            raw_digest,
            rated_digest,
            user_no,
            key_no,
            model_no,
            tariff_no,
            pricing_epoch,
            dimensions_no,
            duration_ms,
            first_byte_ms,
            counts,
            status_code,
            flags,
            state,
            usage_source: source(source_byte),
        };
        Ok(ScannedRow { row, has_known_state: state_letter(state) == state_byte, xid })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A value of `N` bytes, or null.
    fn value<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Malformed> {
        match self.i32()? {
            NULL => Ok(None),
            length if usize::try_from(length) == Ok(N) => self.array().map(Some),
            _ => Err(Malformed),
        }
    }

    fn int8(&mut self) -> Result<Option<i64>, Malformed> {
        Ok(self.value()?.map(i64::from_be_bytes))
    }

    fn int4(&mut self) -> Result<Option<i32>, Malformed> {
        Ok(self.value()?.map(i32::from_be_bytes))
    }

    fn int2(&mut self) -> Result<Option<i16>, Malformed> {
        Ok(self.value()?.map(i16::from_be_bytes))
    }

    fn letter(&mut self) -> Result<u8, Malformed> {
        Ok(self.value()?.map_or(0, u8::from_be_bytes))
    }

    fn digest(&mut self) -> Result<RecordDigest, Malformed> {
        Ok(RecordDigest::from_bytes(self.value()?.unwrap_or([0; 16])))
    }
}

/// The table's constraint admits these four letters and no other.
pub(super) const fn state(letter: u8) -> UsageState {
    match letter {
        b'c' => UsageState::Charged,
        b'f' => UsageState::Free,
        b'u' => UsageState::Unrated,
        _ => UsageState::Voided,
    }
}

/// What is no known source is nobody's count.
pub(super) const fn source(letter: u8) -> UsageSource {
    match letter {
        b'p' => UsageSource::Provider,
        b'e' => UsageSource::Estimated,
        _ => UsageSource::None,
    }
}

#[cfg(test)]
mod tests;
