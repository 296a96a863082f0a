//! `users.role`: what a person may do on the whole platform, and that a manager can always come in.
//!
//! A manager comes in by a live platform key with that role, or as a user with that role who has a password. A sign-in link is none of
//! these: it is over in minutes. Whatever takes such a way in away goes through [`Managers`], which refuses to take the last.

use jiff::Timestamp;
use serde_json::json;
use tollgate_domain::{ApiKeyId, UserId};
use uuid::Uuid;

use super::keys::{self, PlatformRole};
use super::makers::{self, Hold, Maker};
use super::sessions::idle_since;
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

/// What becomes of keys with a role that the user made for others, where the user's own new role does not include it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeKeys {
    /// They are others', and what runs with them goes on.
    Keep,
    /// Whoever made them has seen their secrets: they end with the role.
    Revoke,
}

/// What another role of a user came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleChange {
    /// Keys that were revoked with it.
    pub revoked: Vec<ApiKeyId>,
    /// What the user made that leads in with more than the new role.
    pub made: WaysInMade,
}

/// Ways in that somebody made for others, also through ways in that somebody had made before, with roles that somebody's own does not include. They are somebody else's, and whoever made them
/// may be it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaysInMade {
    /// Keys that are live still. Whoever made them has seen their secrets.
    pub keys: Vec<ApiKeyId>,
    /// Identities at a provider, each with whom it signs in as.
    pub identities: Vec<(Uuid, UserId)>,
    /// Whom sign-in links that nobody has used yet sign in as. Whoever made one has seen it.
    pub sign_in_links: Vec<UserId>,
    /// Who has sessions that last, which began by such a link or identity, or by a password that was set in one that did.
    pub sessions: Vec<UserId>,
    /// Who has a password that was set in such a session.
    pub passwords: Vec<UserId>,
}

/// Gives a live user this role, or none, from the next request on.
///
/// Of a user who had a role, the own keys with a role that the new one does not include are revoked in the same transaction: somebody
/// who is demoted has no other way in with the old power. A user who never had one, such as a machine's, keeps its keys as they are. `by` is who
/// gives it, where that is somebody of the platform.
pub async fn set(
    tx: &Tx,
    user: UserId,
    role: Option<PlatformRole>,
    made_keys: MadeKeys,
    now: Timestamp,
    by: Option<&Maker<'_>>,
    actor: &str,
) -> Result<RoleChange, StoreError> {
    if user == UserId::SYSTEM {
        return Err(StoreError::refused("the system user has no role"));
    }
    let managers = Managers::hold(tx).await?;
    // Waits for whatever the user is making, which is listed below, and for sign-ins by what the user made.
    // And for whoever replaces keys by one that is revoked below, so that neither waits for a key that the other holds.
    let mut held = vec![(user, Hold::Change)];
    if made_keys == MadeKeys::Revoke {
        held.extend(owners_of_made_keys(tx, user).await?.into_iter().map(|owner| (owner, Hold::Change)));
    }
    makers::hold(tx, by, &held).await?;
    let sql = "select name, role from users where id = $1 and deleted_at is null";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid()]).await? else {
        return Err(StoreError::not_found("there is no such user"));
    };
    let (name, before): (&str, Option<&str>) = (row.try_get(0)?, row.try_get(1)?);
    let after = role.map(PlatformRole::as_str);
    let mut change = RoleChange::default();
    if before != after {
        tx.execute("update users set role = $2 where id = $1", &[&user.as_uuid(), &after]).await?;
        let (before, after) = (json!({ "role": before }), json!({ "role": after }));
        audit_log::write(tx, actor, "user.role", name, Some(before), Some(after)).await?;
    }
    // Also where the role is the one it was: what a first answer listed may be revoked by asking again.
    if before.is_some() {
        change.revoked = keys_beyond(tx, user, role, Whose::Own).await?;
    }
    if made_keys == MadeKeys::Revoke {
        change.revoked.extend(keys_beyond(tx, user, role, Whose::Made).await?);
    }
    for key in &change.revoked {
        keys::revoke(tx, *key, actor).await?;
    }
    change.made = made_by(tx, user, role, now).await?;
    managers.check(tx).await?;
    Ok(change)
}

/// What the user made for others that leads in with more than `role`. Nothing of it comes later where this is asked in the transaction that took
/// the role, or the user's access, away.
pub async fn made_by(
    tx: &Tx,
    user: UserId,
    role: Option<PlatformRole>,
    now: Timestamp,
) -> Result<WaysInMade, StoreError> {
    let keys = keys_beyond(tx, user, role, Whose::Made).await?;
    let mut made = WaysInMade { keys, ..WaysInMade::default() };
    let sql = "select w.way, w.identity, u.id, u.role
               from (select 'identity' as way, id as identity, user_id, created_at as since
                     from user_identities where created_by = $1 or $1 = any (made_through)
                     union all
                     select 'link', null, user_id, created_at from sign_in_codes
                     where (created_by = $1 or $1 = any (made_through)) and used_at is null and expires_at > $2
                     union all
                     select 'session', null, user_id, min(created_at) from sessions
                     where (link_made_by = $1 or $1 = any (made_through))
                       and expires_at > $2 and last_seen_at > $3 group by user_id
                     union all
                     select 'password', null, user_id, set_at from user_passwords
                     where link_made_by = $1 or $1 = any (made_through)) w
               join users u on u.id = w.user_id
               where u.id <> $1 and u.role is not null and u.deleted_at is null order by w.since, w.identity, u.id";
    for row in tx.query(sql, &[&user.as_uuid(), &now, &idle_since(now)]).await? {
        let their_role: PlatformRole = row.try_get::<_, &str>(3)?.parse()?;
        if role.is_some_and(|role| role.includes(their_role)) {
            continue;
        }
        let of = UserId::from_uuid(row.try_get(2)?);
        match row.try_get(0)? {
            "identity" => made.identities.push((row.try_get(1)?, of)),
            "link" => made.sign_in_links.push(of),
            "session" => made.sessions.push(of),
            _ => made.passwords.push(of),
        }
    }
    Ok(made)
}

/// Whose the live keys with a role are that the user made for others.
async fn owners_of_made_keys(tx: &Tx, user: UserId) -> Result<Vec<UserId>, StoreError> {
    let sql = "select distinct user_id from api_keys
               where (created_by = $1 or $1 = any (made_through)) and user_id <> $1
                 and platform_role is not null and revoked_at is null";
    let rows = tx.query(sql, &[&user.as_uuid()]).await?;
    rows.iter().map(|row| Ok(UserId::from_uuid(row.try_get(0)?))).collect()
}

/// Whose keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The user's own.
    Own,
    /// Those of others, which the user made.
    Made,
}

/// Live keys with a role that `role` does not include.
async fn keys_beyond(
    tx: &Tx,
    user: UserId,
    role: Option<PlatformRole>,
    whose: Whose,
) -> Result<Vec<ApiKeyId>, StoreError> {
    let whose = match whose {
        Whose::Own => "user_id = $1",
        Whose::Made => "(created_by = $1 or $1 = any (made_through)) and user_id <> $1",
    };
    let sql = format!(
        "select id, platform_role from api_keys
         where {whose} and platform_role is not null and revoked_at is null order by no"
    );
    let mut keys = Vec::new();
    for row in tx.query(&sql, &[&user.as_uuid()]).await? {
        let keys_role: PlatformRole = row.try_get::<_, &str>(1)?.parse()?;
        if role.is_none_or(|role| !role.includes(keys_role)) {
            keys.push(ApiKeyId::from_uuid(row.try_get(0)?));
        }
    }
    Ok(keys)
}
