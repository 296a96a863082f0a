//! The chain of the audit log, reckoned again: from the texts of the entries, here, and not by the database's own function, which whoever
//! changed the entries could have changed as well.
//!
//! A chain shows what was changed, removed, added or moved inside it. It does not show that its end was cut off together with the head that the
//! database keeps, nor that all of it was written anew: for that, a head is noted elsewhere ([`ChainHead`]) and looked for.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;

use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio_postgres::Row;

use crate::audit_log::{ChainDigest, ChainHead};
use crate::{StoreError, Tx};

/// What the chain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Entries in it.
    pub entries: u64,
    /// Where it ends, as its last row says.
    pub head: ChainHead,
    /// The first thing that is wrong with it.
    pub first_break: Option<String>,
    /// How many things are wrong.
    pub breaks: u64,
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a head of the audit log is a number, a colon and 64 hexadecimal digits, as `tollgate audit` prints it"
)]
pub struct InvalidHead;

/// Reads all of it. `noted` is a head that somebody wrote down: the chain must still have it.
pub async fn chain(tx: &Tx, noted: Option<ChainHead>) -> Result<Chain, StoreError> {
    // Each field as a text, in the order of the digest. What is on one side only is damage, and stands where its number or its time puts it.
    let sql = "select c.no, c.digest, c.entry_id::text, a.id::text, (extract(epoch from a.at) * 1000000)::bigint::text, a.actor,
                      a.action, a.subject, a.before::text, a.after::text
               from audit_log_chain c full join audit_log a on a.id = c.entry_id
               order by c.no nulls last, a.at, a.id";
    let mut follower = Follower { noted, ..Follower::default() };
    let no_parameters: [i64; 0] = [];
    let mut rows = pin!(tx.query_raw(sql, no_parameters).await?);
    while let Some(row) = rows.try_next().await? {
        follower.next(&row)?;
    }
    let kept = tx.query_opt("select no, digest from audit_log_head", &[]).await?;
    let kept =
        kept.map(|row| Ok::<_, StoreError>(ChainHead { no: row.try_get(0)?, digest: digest(&row, 1)? }));
    Ok(follower.end(kept.transpose()?))
}

/// Goes along the chain, from one row to the next.
#[derive(Debug, Default)]
struct Follower {
    entries: u64,
    head: ChainHead,
    noted: Option<ChainHead>,
    has_noted: bool,
    first_break: Option<String>,
    breaks: u64,
}

impl Follower {
    fn next(&mut self, row: &Row) -> Result<(), StoreError> {
        let fields: [Option<&str>; 7] = [
            row.try_get(3)?,
            row.try_get(4)?,
            row.try_get(5)?,
            row.try_get(6)?,
            row.try_get(7)?,
            row.try_get(8)?,
            row.try_get(9)?,
        ];
        let Some(no) = row.try_get::<_, Option<i64>>(0)? else {
            self.broken(format!("the entry {} is in the log and not in its chain", fields[0].unwrap_or("?")));
            return Ok(());
        };
        let expected = self.head.no.saturating_add(1);
        if no != expected {
            self.broken(format!("entry {expected} is missing: behind {} comes {no}", self.head.no));
        }
        let stored = digest(row, 1)?;
        if fields[0].is_none() {
            let id: &str = row.try_get(2)?;
            self.broken(format!("entry {no} is missing: the chain has it as {id}, the log does not"));
        } else if reckon(self.head.digest, no, &fields) != stored {
            let what = [fields[3], fields[4]].map(Option::unwrap_or_default).join(" ");
            let id = fields[0].unwrap_or_default();
            self.broken(format!(
                "entry {no} ({what}, {id}) is not what was entered there, or what is before it is not"
            ));
        }
        self.entries = self.entries.saturating_add(1);
        // From what is stored: one entry that was changed makes not all that follow wrong as well.
        self.head = ChainHead { no, digest: stored };
        self.has_noted |= self.noted == Some(self.head);
        Ok(())
    }

    fn end(mut self, kept: Option<ChainHead>) -> Chain {
        match kept {
            Some(kept) if kept == self.head => {}
            Some(kept) => {
                self.broken(format!(
                    "the log ends with entry {}, and its head says {}",
                    self.head.no, kept.no
                ));
            }
            None => self.broken("the head of the log is missing".to_owned()),
        }
        // The head of a log without entries begins every log.
        if let Some(noted) = self.noted.filter(|noted| !self.has_noted && *noted != ChainHead::default()) {
            self.broken(if noted.no > self.head.no {
                format!(
                    "the end is missing: entry {} was noted, and the log ends with {}",
                    noted.no, self.head.no
                )
            } else {
                format!("entry {} is not the one that was noted: the log was written anew", noted.no)
            });
        }
        let Self { entries, head, first_break, breaks, .. } = self;
        Chain { entries, head, first_break, breaks }
    }

    fn broken(&mut self, what: String) {
        self.breaks = self.breaks.saturating_add(1);
        self.first_break.get_or_insert(what);
    }
}

/// As the migration that made the chain says it: the digest before, then each field with its length.
fn reckon(previous: ChainDigest, no: i64, fields: &[Option<&str>; 7]) -> ChainDigest {
    let mut hasher = Sha256::new();
    hasher.update(previous.0);
    let no = no.to_string();
    for field in [Some(no.as_str())].iter().chain(fields) {
        match field {
            Some(text) => hasher.update(format!("{}:{text},", text.len())),
            None => hasher.update("-,"),
        }
    }
    ChainDigest(hasher.finalize().into())
}

fn digest(row: &Row, column: usize) -> Result<ChainDigest, StoreError> {
    ChainDigest::from_bytes(row.try_get(column)?)
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.no, self.digest)
    }
}

impl FromStr for ChainHead {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (no, digits) = text.trim().split_once(':').ok_or(InvalidHead)?;
        let mut digest = ChainDigest::default();
        if digits.len() != digest.0.len() * 2 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidHead);
        }
        for (byte, pair) in digest.0.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidHead)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidHead)?;
        }
        let no = no.parse().ok().filter(|no| *no >= 0).ok_or(InvalidHead)?;
        Ok(Self { no, digest })
    }
}

impl serde::Serialize for ChainHead {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
