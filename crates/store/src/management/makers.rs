//! Who makes a way in: a sign-in link, an identity, a key, a role. What let somebody do so is looked at again in the transaction that makes
//! it, and held until that ends.
//!
//! Whatever takes a role, a key or a session away changes a row that is held here. So of the two one comes first: what was made before is
//! there when the ways in are listed that somebody made, and what would come after is refused.
//!
//! Users are locked before anything else is that is locked by row, and in the order of their ids. Nothing here keeps a flush from entering
//! what a user is charged: it only refers to users, and that goes with both locks.

use std::cmp::Reverse;

use tokio_postgres::Row;
use tollgate_domain::{ApiKeyId, Clock, KeyDigest, UserId};
use uuid::Uuid;

use super::keys::PlatformRole;
use super::sessions::idle_since;
use crate::{StoreError, Tx};

/// Somebody who was let in to make something.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// Who.
    pub user: UserId,
    /// By what they asked.
    pub by: Credential,
    /// The role in which they asked, which must be theirs still. `None`: they make what is their own.
    pub role: Option<PlatformRole>,
    /// By which sessions end. Time has passed when the locks are there.
    pub clock: &'a dyn Clock,
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

/// Holds whoever makes something, through whom that one came to it, and these users; and refuses where the maker may not any more. Says through
/// whom it is made: that goes with what is made, and may be listed where one of them is demoted. No `by`: the command line, whom nobody demotes.
pub(super) async fn hold(
    tx: &Tx,
    by: Option<&Maker<'_>>,
    of: &[(UserId, Hold)],
) -> Result<Vec<Uuid>, StoreError> {
    let Some(maker) = by else {
        hold_users(tx, of).await?;
        return Ok(Vec::new());
    };
    let mut through = maker.by.makers(tx).await?;
    through.sort();
    through.dedup();
    through.retain(|through| *through != maker.user);
    let behind = through.iter().chain([&maker.user]).map(|user| (*user, Hold::Share));
    let held: Vec<_> = behind.chain(of.iter().copied()).collect();
    hold_users(tx, &held).await?;
    maker.check(tx).await?;
    Ok(ids(&through))
}

/// Who made a way in, and then through whom, of a row that says so in these two columns. Nobody, where nobody of the platform made it.
pub(super) fn of_row(row: &Row, made_by: usize, made_through: usize) -> Result<Vec<UserId>, StoreError> {
    let by: Option<Uuid> = row.try_get(made_by)?;
    let through: Vec<Uuid> = row.try_get(made_through)?;
    Ok(by.into_iter().chain(through).map(UserId::from_uuid).collect())
}

/// These makers, to hold them.
pub(super) fn shared(makers: &[UserId]) -> impl Iterator<Item = (UserId, Hold)> {
    makers.iter().map(|maker| (*maker, Hold::Share))
}

/// What is stored of makers that [`of_row`] said.
pub(super) fn to_store(makers: &[UserId]) -> (Option<Uuid>, Vec<Uuid>) {
    let (by, through) = makers.split_first().map_or((None, &[][..]), |(by, through)| (Some(by), through));
    (by.map(|by| by.as_uuid()), ids(through))
}

fn ids(users: &[UserId]) -> Vec<Uuid> {
    users.iter().map(|user| user.as_uuid()).collect()
}

impl Credential {
    /// Who made it, or what led to it. That is never changed, so that it may be read before anything is held.
    async fn makers(&self, tx: &Tx) -> Result<Vec<UserId>, StoreError> {
        let row = match self {
            Self::Key(id) => {
                // A key that replaced another was made by whoever saw its secret.
                let sql = "select created_by, made_through from api_keys where id = $1";
                tx.query_opt(sql, &[&id.as_uuid()]).await?
            }
            Self::Session(digest) => {
                let sql = "select link_made_by, made_through from sessions where digest = $1";
                tx.query_opt(sql, &[&digest.as_bytes().as_slice()]).await?
            }
        };
        row.map_or_else(|| Ok(Vec::new()), |row| of_row(&row, 0, 1))
    }
}

impl Maker<'_> {
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
                // Its end by the clock is looked at when it is held.
                let held = "select 1 from sessions where digest = $1 for key share";
                let digest = digest.as_bytes().as_slice();
                tx.execute(held, &[&digest]).await?;
                let sql = "select u.role from sessions s join users u on u.id = s.user_id
                           where s.digest = $1 and s.user_id = $2 and u.deleted_at is null
                             and s.expires_at > $3 and s.last_seen_at > $4";
                let now = self.clock.now();
                tx.query_opt(sql, &[&digest, &user, &now, &idle_since(now)]).await?
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
