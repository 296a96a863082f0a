//! `user_identities`: who people are at an OpenID provider, and which user that is here.
//!
//! Nobody comes in by an identity that was not linked. An address that a manager wrote down is good for one link: the row that awaited
//! somebody becomes the identity's, so whoever has the same address later, and whoever was unlinked, is a stranger.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tollgate_domain::UserId;
use uuid::Uuid;

use super::makers::{self, Hold, Maker};
use super::sessions::{self, BegunBy};
use crate::text::{check_name, check_text};
use crate::{StoreError, Tx, audit_log};

/// Longest subject, in bytes: OpenID Connect Core, section 2, allows no longer one.
pub const MAX_SUBJECT_BYTES: usize = 255;
/// Most identities of one user: a person has one at each provider, an organization some.
const MAX_OF_ONE_USER: i64 = 50;

/// Who somebody is at a provider, or the address of somebody who has not come yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Of the row.
    pub id: Uuid,
    /// Who that is here.
    pub user_id: UserId,
    /// The provider.
    pub issuer: String,
    /// Whom the provider means; never given to another. `None`: nobody has come with the address yet.
    pub subject: Option<String>,
    /// The address by which the link came about, or is to come about, in lower case.
    pub email: Option<String>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// Since when the subject is linked.
    pub linked_at: Option<Timestamp>,
    /// When somebody came in by it last.
    pub last_sign_in_at: Option<Timestamp>,
}

/// By what somebody is to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBy {
    /// The provider's own name for somebody.
    Subject(String),
    /// An address that the provider has verified; the first who comes with it.
    Email(String),
}

/// Whom a provider has vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The provider.
    pub issuer: String,
    /// Its name for somebody.
    pub subject: String,
    /// The address, only where the provider has verified it and addresses are trusted.
    pub email: Option<String>,
}

const COLUMNS: &str = "id, user_id, issuer, subject, email, created_at, linked_at, last_sign_in_at";

/// Links an identity to a live user. `by` is who does, where that is somebody of the platform.
pub async fn link(
    tx: &Tx,
    user: UserId,
    issuer: &str,
    known_by: &KnownBy,
    by: Option<&Maker<'_>>,
    now: Timestamp,
    actor: &str,
) -> Result<Identity, StoreError> {
    check_name("the issuer", issuer)?;
    let (subject, email) = match known_by {
        KnownBy::Subject(subject) => (Some(checked_subject(subject)?), None),
        KnownBy::Email(email) => (None, Some(checked_email(email)?)),
    };
    // The lock: a deactivation sees this link, or this sees the deactivation.
    let through = makers::hold(tx, by, &[(user, Hold::Change)]).await?;
    let sql = "select name from users where id = $1 and id <> $2 and deleted_at is null";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid(), &UserId::SYSTEM.as_uuid()]).await? else {
        return Err(StoreError::not_found("there is no such user who could sign in"));
    };
    let name: &str = row.try_get(0)?;
    let sql = "select count(*) from user_identities where user_id = $1";
    if tx.query_one(sql, &[&user.as_uuid()]).await?.try_get::<_, i64>(0)? >= MAX_OF_ONE_USER {
        return Err(StoreError::conflict(format!("a user has {MAX_OF_ONE_USER} identities at most")));
    }
    let sql = format!(
        "insert into user_identities (id, user_id, issuer, subject, email, created_at, linked_at, created_by,
                                      made_through)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing returning {COLUMNS}"
    );
    let linked_at = subject.as_ref().map(|_| now);
    let id = Uuid::now_v7();
    let (owner, by) = (user.as_uuid(), by.map(|by| by.user.as_uuid()));
    let values: [&(dyn ToSql + Sync); 9] =
        [&id, &owner, &issuer, &subject, &email, &now, &linked_at, &by, &through];
    let Some(row) = tx.query_opt(&sql, &values).await? else {
        return Err(StoreError::conflict(
            "somebody has this identity already, or is awaited with this address; unlink that one before",
        ));
    };
    let identity = from_row(&row)?;
    audit_log::write(tx, actor, "user.identity_link", name, None, Some(logged(&identity))).await?;
    Ok(identity)
}

/// The identities of a user, the oldest first.
pub async fn of_user(tx: &Tx, user: UserId) -> Result<Vec<Identity>, StoreError> {
    let sql = format!("select {COLUMNS} from user_identities where user_id = $1 order by created_at, id");
    tx.query(&sql, &[&user.as_uuid()]).await?.iter().map(from_row).collect()
}

/// Takes an identity away from a user, and ends the sessions that began by any: which of them is whose is not kept.
pub async fn unlink(tx: &Tx, user: UserId, id: Uuid, actor: &str) -> Result<(), StoreError> {
    // Waits for a sign-in under way, whose session is found below.
    makers::hold_users(tx, &[(user, Hold::Change)]).await?;
    let sql = "select name from users where id = $1";
    let missing = || StoreError::not_found("there is no such identity of this user");
    let row = tx.query_opt(sql, &[&user.as_uuid()]).await?.ok_or_else(missing)?;
    let name: &str = row.try_get(0)?;
    let sql = format!("delete from user_identities where id = $1 and user_id = $2 returning {COLUMNS}");
    let row = tx.query_opt(&sql, &[&id, &user.as_uuid()]).await?.ok_or_else(missing)?;
    let before = logged(&from_row(&row)?);
    let ended = sessions::end_all_begun_by(tx, user, BegunBy::Oidc).await?;
    let after = json!({ "ended_sessions": ended });
    audit_log::write(tx, actor, "user.identity_unlink", name, Some(before), Some(after)).await
}

/// Whether this subject is linked, so that no address is needed to know it.
pub async fn is_linked(tx: &Tx, issuer: &str, subject: &str) -> Result<bool, StoreError> {
    let sql = "select 1 from user_identities where issuer = $1 and subject = $2";
    Ok(tx.query_opt(sql, &[&issuer, &subject]).await?.is_some())
}

/// Who came through a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    /// Who that is here.
    pub user: UserId,
    /// Who linked the identity, and then through whom.
    pub made_by: Vec<UserId>,
}

/// Which live user this is, if any; holds the user, and who linked the identity, until the transaction ends. Where the subject is nobody's and somebody is awaited with the
/// verified address, this links them, once and for all.
pub async fn recognize(tx: &Tx, vouched: &Vouched, now: Timestamp) -> Result<Option<Recognized>, StoreError> {
    let Vouched { issuer, subject, email } = vouched;
    let sql = "select id, user_id, created_by, made_through from user_identities where issuer = $1 and subject = $2";
    if let Some(row) = tx.query_opt(sql, &[issuer, subject]).await? {
        let (id, user): (Uuid, Uuid) = (row.try_get(0)?, row.try_get(1)?);
        let (user, made_by) = (UserId::from_uuid(user), makers::of_row(&row, 2, 3)?);
        if hold(tx, user, &made_by).await?.is_none() {
            return Ok(None);
        }
        // It may have been unlinked before the user was held.
        let sql = "update user_identities set last_sign_in_at = $2 where id = $1";
        return Ok((tx.execute(sql, &[&id, &now]).await? == 1).then_some(Recognized { user, made_by }));
    }
    let Some(email) = email.as_deref().filter(|email| email.is_ascii()).map(str::to_ascii_lowercase) else {
        return Ok(None);
    };
    let sql = "select id, user_id, created_by, made_through from user_identities
               where issuer = $1 and email = $2 and subject is null";
    let Some(row) = tx.query_opt(sql, &[issuer, &email]).await? else { return Ok(None) };
    let (id, user): (Uuid, Uuid) = (row.try_get(0)?, row.try_get(1)?);
    let (user, made_by) = (UserId::from_uuid(user), makers::of_row(&row, 2, 3)?);
    let Some(name) = hold(tx, user, &made_by).await? else { return Ok(None) };
    let sql = format!(
        "update user_identities set subject = $2, linked_at = $3, last_sign_in_at = $3
         where id = $1 and subject is null returning {COLUMNS}"
    );
    let Some(row) = tx.query_opt(&sql, &[&id, subject, &now]).await? else { return Ok(None) };
    let identity = from_row(&row)?;
    audit_log::write(tx, &format!("user:{user}"), "user.identity_link", &name, None, Some(logged(&identity)))
        .await?;
    Ok(Some(Recognized { user, made_by }))
}

/// Ends the identities of a user who ends: they may be linked to another.
pub(super) async fn forget(tx: &Tx, user: UserId) -> Result<(), StoreError> {
    tx.execute("delete from user_identities where user_id = $1", &[&user.as_uuid()]).await?;
    Ok(())
}

/// A live user's name; the user is there until the transaction ends. Users come before identities, wherever both are locked.
async fn hold(tx: &Tx, user: UserId, made_by: &[UserId]) -> Result<Option<String>, StoreError> {
    let held: Vec<_> = makers::shared(made_by).chain([(user, Hold::Share)]).collect();
    makers::hold_users(tx, &held).await?;
    let sql = "select name from users where id = $1 and deleted_at is null";
    let row = tx.query_opt(sql, &[&user.as_uuid()]).await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

fn checked_subject(subject: &str) -> Result<String, StoreError> {
    if subject.is_empty() || subject.len() > MAX_SUBJECT_BYTES {
        return Err(StoreError::refused(format!("a subject has 1 to {MAX_SUBJECT_BYTES} bytes")));
    }
    check_text("the subject", subject)?;
    Ok(subject.to_owned())
}

fn checked_email(email: &str) -> Result<String, StoreError> {
    check_name("the e-mail address", email)?;
    let is_address = email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if !is_address || email.contains(char::is_whitespace) {
        return Err(StoreError::refused(format!(
            "{email:?} is no e-mail address; write it like ada@example.com"
        )));
    }
    // In other alphabets there are letters that become one of these when they are made small.
    if !email.is_ascii() {
        return Err(StoreError::refused(
            "an address that somebody is known by has ASCII letters alone; link the subject",
        ));
    }
    Ok(email.to_ascii_lowercase())
}

fn logged(identity: &Identity) -> serde_json::Value {
    json!({ "id": identity.id, "issuer": identity.issuer, "subject": identity.subject, "email": identity.email })
}

fn from_row(row: &Row) -> Result<Identity, StoreError> {
    Ok(Identity {
        id: row.try_get(0)?,
        user_id: UserId::from_uuid(row.try_get(1)?),
        issuer: row.try_get(2)?,
        subject: row.try_get(3)?,
        email: row.try_get(4)?,
        created_at: row.try_get(5)?,
        linked_at: row.try_get(6)?,
        last_sign_in_at: row.try_get(7)?,
    })
}
