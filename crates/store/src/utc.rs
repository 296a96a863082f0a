//! Times and days as PostgreSQL keeps them: integers, converted where they are made and compared without a calendar.
//!
//! A flush encodes two times and a day per record; these types make that three integer writes, exact to the microsecond.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// PostgreSQL counts microseconds from 2000-01-01; Unix from 1970-01-01.
const EPOCH_OFFSET_MICROS: i64 = 946_684_800_000_000;
/// The same in days.
const EPOCH_OFFSET_DAYS: i32 = 10_957;
const MICROS_PER_DAY: i64 = 86_400_000_000;
const MICROS_PER_HOUR: i64 = 3_600_000_000;
/// 4714-11-24 BC, the first day of `timestamptz` and of `date`. Their last days are beyond any `jiff::Timestamp`.
const FIRST_DAY: i32 = -2_440_588;

/// An instant, in microseconds since 1970-01-01 UTC, that fits `timestamptz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMicros(i64);

/// A UTC day, in days since 1970-01-01, that fits `date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(i32);

/// A time before the first that PostgreSQL stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time {0} is out of range: PostgreSQL stores none before 4713 BC")]
pub struct TimeOutOfRange(pub Timestamp);

impl TryFrom<Timestamp> for UtcMicros {
    type Error = TimeOutOfRange;

    fn try_from(at: Timestamp) -> Result<Self, TimeOutOfRange> {
        let micros = at.as_microsecond();
        if micros < i64::from(FIRST_DAY) * MICROS_PER_DAY {
            Err(TimeOutOfRange(at))
        } else {
            Ok(Self(micros))
        }
    }
}

impl UtcMicros {
    /// Microseconds since 1970-01-01 UTC.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// As a timestamp.
    pub fn timestamp(self) -> Timestamp {
        let at = Timestamp::from_microsecond(self.0);
        at.unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// The day it lies in.
    pub fn day(self) -> UtcDay {
        let days = self.0.div_euclid(MICROS_PER_DAY);
        UtcDay(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// The start of the hour it lies in.
    #[must_use]
    pub fn hour(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(MICROS_PER_HOUR)))
    }
}

impl UtcDay {
    /// The day `at` lies in, or the first that PostgreSQL stores when that is later.
    pub fn clamped(at: Timestamp) -> Self {
        UtcMicros::try_from(at).map_or(Self(FIRST_DAY), UtcMicros::day)
    }

    /// Days since 1970-01-01.
    pub const fn get(self) -> i32 {
        self.0
    }

    /// `days` later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// As a civil date.
    pub fn date(self) -> Date {
        UtcMicros(i64::from(self.0).saturating_mul(MICROS_PER_DAY)).timestamp().to_zoned(TimeZone::UTC).date()
    }
}

impl std::fmt::Display for UtcDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.date().fmt(f)
    }
}

impl ToSql for UtcMicros {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_i64(self.to_wire());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl UtcMicros {
    pub(crate) const fn to_wire(self) -> i64 {
        self.0 - EPOCH_OFFSET_MICROS
    }

    /// What is sent for an infinite time becomes the last or the first microsecond that there is.
    pub(crate) const fn from_wire(wire: i64) -> Self {
        Self(wire.saturating_add(EPOCH_OFFSET_MICROS))
    }
}

impl<'a> FromSql<'a> for UtcMicros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let wire = i64::from_be_bytes(raw.try_into()?);
        wire.checked_add(EPOCH_OFFSET_MICROS).map(Self).ok_or_else(|| "an infinite time".into())
    }

    accepts!(TIMESTAMPTZ);
}

impl UtcDay {
    pub(crate) const fn to_wire(self) -> i32 {
        self.0 - EPOCH_OFFSET_DAYS
    }

    /// What is sent for an infinite day becomes the last or the first that there is.
    pub(crate) const fn from_wire(wire: i32) -> Self {
        Self(wire.saturating_add(EPOCH_OFFSET_DAYS))
    }
}

impl ToSql for UtcDay {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_i32(self.to_wire());
        Ok(IsNull::No)
    }

    accepts!(DATE);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for UtcDay {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let wire = i32::from_be_bytes(raw.try_into()?);
        wire.checked_add(EPOCH_OFFSET_DAYS).map(Self).ok_or_else(|| "an infinite day".into())
    }

    accepts!(DATE);
}

#[cfg(test)]
mod tests;
