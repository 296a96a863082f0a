//! Who makes a way in: a sign-in link, an identity, a key, a role. What let somebody do so is looked at again in the transaction that makes
//! it, and held until that ends.
//!
//! Whatever takes a role, a key or a session away changes a row that is held here. So of the two one comes first: what was made before is
//! there when the ways in are listed that somebody made, and what would come after is refused.
//!
//! Users are locked before anything else is that is locked by row, and in the order of their ids. Nothing here keeps a flush from entering
//! what a user is charged: it only refers to users, and that goes with both locks.

use std::cmp::Reverse;

use tollgate_domain::{ApiKeyId, KeyDigest, UserId};

use super::keys::PlatformRole;
use crate::{StoreError, Tx};

/// Somebody who was let in to make something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker {
    /// Who.
    pub user: UserId,
    /// By what they asked.
    pub by: Credential,
    /// The role in which they asked, which must be theirs still. `None`: they make what is their own.
    pub role: Option<PlatformRole>,
}

/// By what somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A key, which has a role of its own.
    Key(ApiKeyId),
    /// A session, which has its user's.
    Session(KeyDigest),
}

/// How a user's row is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// It stays as it is; others may hold it so as well.
    Share,
    /// By one at a time.
    Change,
}

/// Holds these users until the transaction ends, in the order of their ids; somebody who is named twice, by the stronger lock.
pub(super) async fn hold_users(tx: &Tx, users: &[(UserId, Hold)]) -> Result<(), StoreError> {
    let mut users = users.to_vec();
    users.sort_by_key(|(user, hold)| (*user, Reverse(*hold)));
    users.dedup_by_key(|(user, _)| *user);
    for (user, hold) in users {
        let sql = match hold {
            Hold::Share => "select 1 from users where id = $1 for share",
            Hold::Change => "select 1 from users where id = $1 for no key update",
        };
        tx.execute(sql, &[&user.as_uuid()]).await?;
    }
    Ok(())
}

/// Holds whoever makes something, and the user for whom; and refuses where the maker may not any more. `None`: the command line, whom
/// nobody demotes.
pub(super) async fn hold(tx: &Tx, by: Option<&Maker>, of: UserId, how: Hold) -> Result<(), StoreError> {
    let Some(maker) = by else { return hold_users(tx, &[(of, how)]).await };
    hold_users(tx, &[(maker.user, Hold::Share), (of, how)]).await?;
    maker.check(tx).await
}

impl Maker {
    /// Refuses where the role or what was asked by is gone. The user's row is held already; this holds the credential's.
    async fn check(&self, tx: &Tx) -> Result<(), StoreError> {
        let user = self.user.as_uuid();
        let row = match &self.by {
            Credential::Key(id) => {
                let sql = "select k.platform_role from api_keys k join users u on u.id = k.user_id
                           where k.id = $1 and k.user_id = $2 and u.deleted_at is null and k.revoked_at is null
                             and (k.revoke_at is null or k.revoke_at > clock_timestamp()) for share of k";
                tx.query_opt(sql, &[&id.as_uuid(), &user]).await?
            }
            Credential::Session(digest) => {
                // It is deleted where it ends, and a deletion waits for this; that somebody was seen in it does not.
                let sql = "select u.role from sessions s join users u on u.id = s.user_id
                           where s.digest = $1 and s.user_id = $2 and u.deleted_at is null for key share of s";
                tx.query_opt(sql, &[&digest.as_bytes().as_slice(), &user]).await?
            }
        };
        let Some(row) = row else {
            return Err(StoreError::forbidden("your access has ended meanwhile; nothing was changed"));
        };
        let role: Option<PlatformRole> = row.try_get::<_, Option<&str>>(0)?.map(str::parse).transpose()?;
        if self.role.is_some_and(|wanted| role.is_none_or(|role| !role.includes(wanted))) {
            return Err(StoreError::forbidden("your role has been changed meanwhile; nothing was changed"));
        }
        Ok(())
    }
}
