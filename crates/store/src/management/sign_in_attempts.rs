//! `sign_in_attempts`: how often somebody tried to sign in, counted in the database so that neither a restart nor a second server
//! gives new tries.
//!
//! A try is counted before it is known how it ends, and given back when it ends well: many at once get no more than one after the other.

use jiff::{SignedDuration, Timestamp};
use tollgate_domain::RecordDigest;
use uuid::Uuid;

use super::sessions::{after, before};
use crate::{StoreError, Tx};

/// How long a count lasts, from its first try on.
pub const ATTEMPTS_WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Who tries, and how often it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// A keyed digest of a name or of an address.
    pub subject: RecordDigest,
    /// Most tries in a window.
    pub most: i32,
}

/// Counts one try for each of these. Where one of them has had all of its tries: when the last of those windows ends.
pub async fn count(tx: &Tx, tries: &[Tries], now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let mut tries = tries.to_vec();
    // In one order, whoever counts: nobody waits in a circle.
    tries.sort_by_key(|tries| tries.subject);
    let mut until = None;
    for Tries { subject, most } in tries {
        let row = tx
            .query_one(
                "insert into sign_in_attempts as a (subject, began_at, attempts) values ($1, $2, 1)
                 on conflict (subject) do update set
                     attempts = case when a.began_at <= $3 then 1 else least(a.attempts + 1, $4 + 1) end,
                     began_at = case when a.began_at <= $3 then $2 else a.began_at end
                 returning attempts, began_at",
                &[&id(subject), &now, &before(now, ATTEMPTS_WINDOW), &most],
            )
            .await?;
        if row.try_get::<_, i32>(0)? > most {
            until = until.max(Some(after(row.try_get(1)?, ATTEMPTS_WINDOW)));
        }
    }
    Ok(until)
}

/// Gives the try of somebody back who came in: to the address just that one, or an account of one's own would give new tries.
pub async fn give_back(tx: &Tx, subject: RecordDigest) -> Result<(), StoreError> {
    let sql = "update sign_in_attempts set attempts = attempts - 1 where subject = $1 and attempts > 0";
    tx.execute(sql, &[&id(subject)]).await?;
    Ok(())
}

/// Begins the count anew: who came in by this name knows its password.
pub async fn forget(tx: &Tx, subject: RecordDigest) -> Result<(), StoreError> {
    tx.execute("delete from sign_in_attempts where subject = $1", &[&id(subject)]).await?;
    Ok(())
}

pub(super) async fn clear_away(tx: &Tx, now: Timestamp) -> Result<(), StoreError> {
    let sql = "delete from sign_in_attempts where began_at <= $1";
    tx.execute(sql, &[&before(now, ATTEMPTS_WINDOW)]).await?;
    Ok(())
}

const fn id(subject: RecordDigest) -> Uuid {
    Uuid::from_bytes(subject.as_bytes())
}
