//! `sign_in_codes`: the one-time codes of sign-in links, by their digests. A code is how a person comes in the first time, and when the
//! password is forgotten.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tollgate_domain::{KeyDigest, UserId};

use super::makers::{self, Hold, Maker};
use super::sessions::after;
use crate::{StoreError, Tx, audit_log};

/// How long a code may be used: it goes by hand or by mail to somebody who waits for it.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Enters a code for a live user, and says until when it is good. Those before it are good no more. `by` is who makes it, where that is somebody
/// of the platform.
pub async fn create(
    tx: &Tx,
    digest: &KeyDigest,
    user: UserId,
    by: Option<&Maker<'_>>,
    now: Timestamp,
    actor: &str,
) -> Result<Timestamp, StoreError> {
    // The lock: of two links made at once, the second sees the first and ends it; a deactivation sees both.
    let through = makers::hold(tx, by, &[(user, Hold::Change)]).await?;
    let sql = "select name from users where id = $1 and id <> $2 and deleted_at is null";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid(), &UserId::SYSTEM.as_uuid()]).await? else {
        return Err(StoreError::not_found("there is no such user who could sign in"));
    };
    let name: &str = row.try_get(0)?;
    forget(tx, user).await?;
    let expires_at = after(now, CODE_LIFETIME);
    tx.execute(
        "insert into sign_in_codes (digest, user_id, created_by, made_through, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        &[
            &digest.as_bytes().as_slice(),
            &user.as_uuid(),
            &by.map(|by| by.user.as_uuid()),
            &through,
            &now,
            &expires_at,
        ],
    )
    .await?;
    let logged = json!({ "expires_at": expires_at });
    audit_log::write(tx, actor, "user.sign_in_link", name, None, Some(logged)).await?;
    Ok(expires_at)
}

/// Whoever came by a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// Whose it is.
    pub user: UserId,
    /// Who made it, and has seen it; and then through whom.
    pub made_by: Vec<UserId>,
}

/// Uses a code up: whose it is, the one time that it is asked in its time. It is used up with the transaction, in which a session should begin: what
/// fails leaves the code as it was.
pub async fn redeem(tx: &Tx, digest: &KeyDigest, now: Timestamp) -> Result<Option<Redeemed>, StoreError> {
    // Users come before codes wherever both are locked: who makes another link holds the user, and ends this code. Whoever lists what its
    // maker has made finds the code unused, or the session that begins by it.
    let digest = digest.as_bytes().as_slice();
    let sql = "select user_id, created_by, made_through from sign_in_codes where digest = $1";
    let Some(row) = tx.query_opt(sql, &[&digest]).await? else { return Ok(None) };
    let user = UserId::from_uuid(row.try_get(0)?);
    let made_by = makers::of_row(&row, 1, 2)?;
    let held: Vec<_> = makers::shared(&made_by).chain([(user, Hold::Share)]).collect();
    makers::hold_users(tx, &held).await?;
    // Of two at once the second waits for the first's row, and then finds it used.
    let sql = "update sign_in_codes c set used_at = $2 from users u
               where c.digest = $1 and c.used_at is null and c.expires_at > $2
                 and u.id = c.user_id and u.deleted_at is null";
    Ok((tx.execute(sql, &[&digest, &now]).await? == 1).then_some(Redeemed { user, made_by }))
}

/// Ends the codes of a user.
pub(super) async fn forget(tx: &Tx, user: UserId) -> Result<(), StoreError> {
    tx.execute("delete from sign_in_codes where user_id = $1", &[&user.as_uuid()]).await?;
    Ok(())
}

pub(super) async fn clear_away(tx: &Tx, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("delete from sign_in_codes where expires_at <= $1", &[&now]).await?;
    Ok(())
}
