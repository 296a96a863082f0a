//! `users.role`: what a person may do on the whole platform, and that a manager can always come in.
//!
//! A manager comes in by a live platform key with that role, or as a user with that role who has a password. A sign-in link is none of
//! these: it is over in minutes. Whatever takes such a way in away goes through [`Managers`], which refuses to take the last.

use serde_json::json;
use tollgate_domain::UserId;

use super::keys::PlatformRole;
use crate::{StoreError, Tx, audit_log};

/// Held by whatever may take a manager's way in away: of two at once, the second sees what the first left.
const MANAGERS_LOCK: i64 = 0x746f_6c6c_0000_000c;

/// The ways in that there were before a change, and the lock that keeps them until its transaction ends. Taken before the first row
/// is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the change is not checked until `check` is called"]
pub struct Managers {
    ways_in: i64,
}

impl Managers {
    /// Counts them, before the change.
    pub async fn hold(tx: &Tx) -> Result<Self, StoreError> {
        tx.execute("select pg_advisory_xact_lock($1)", &[&MANAGERS_LOCK]).await?;
        Self::count(tx).await
    }

    /// Refuses the change, which has been made in this transaction, where it took the last way in.
    pub async fn check(self, tx: &Tx) -> Result<(), StoreError> {
        let left = Self::count(tx).await?;
        if self.ways_in > 0 && left.ways_in == 0 {
            return Err(StoreError::conflict(
                "this is the last manager: make another key with that role, or another manager who has a password, \
                 before, or nobody manages the platform any more",
            ));
        }
        Ok(())
    }

    async fn count(tx: &Tx) -> Result<Self, StoreError> {
        let row = tx
            .query_one(
                "select (select count(*) from api_keys k join users u on u.id = k.user_id
                          where k.platform_role = 'manager' and k.revoked_at is null and k.revoke_at is null
                            and u.deleted_at is null)
                      + (select count(*) from users u join user_passwords p on p.user_id = u.id
                          where u.role = 'manager' and u.deleted_at is null)",
                &[],
            )
            .await?;
        Ok(Self { ways_in: row.try_get(0)? })
    }
}

/// Gives a live user this role, or none, from the next request on. The keys that the user has keep theirs.
pub async fn set(tx: &Tx, user: UserId, role: Option<PlatformRole>, actor: &str) -> Result<(), StoreError> {
    if user == UserId::SYSTEM {
        return Err(StoreError::refused("the system user has no role"));
    }
    let managers = Managers::hold(tx).await?;
    let sql = "select name, role from users where id = $1 and deleted_at is null for update";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid()]).await? else {
        return Err(StoreError::not_found("there is no such user"));
    };
    let (name, before): (&str, Option<&str>) = (row.try_get(0)?, row.try_get(1)?);
    let after = role.map(PlatformRole::as_str);
    if before == after {
        return Ok(());
    }
    tx.execute("update users set role = $2 where id = $1", &[&user.as_uuid(), &after]).await?;
    managers.check(tx).await?;
    audit_log::write(
        tx,
        actor,
        "user.role",
        name,
        Some(json!({ "role": before })),
        Some(json!({ "role": after })),
    )
    .await
}
