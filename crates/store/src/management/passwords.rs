//! `user_passwords`: hashes in PHC form. What is hashed, and how, is the caller's.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tollgate_domain::{KeyDigest, UserId};

use super::makers::{self, Hold};
use super::{sessions, sign_in_codes};
use crate::text::check_name;
use crate::{StoreError, Tx, audit_log};

/// A user's password, hashed.
#[derive(Debug, Clone)]
pub struct StoredPassword {
    /// Whose.
    pub user_id: UserId,
    /// `$argon2id$…`. No secret by itself, and kept like one: it can be tried on.
    pub phc: SecretString,
    /// Who made the way in by which whoever set it came in, and then through whom: it may have been any of them.
    pub made_by: Vec<UserId>,
}

/// The password of the live user of this name. A text that can be nobody's name is nobody's.
pub async fn of_name(tx: &Tx, name: &str) -> Result<Option<StoredPassword>, StoreError> {
    if check_name("the name", name).is_err() {
        return Ok(None);
    }
    let sql = "select u.id, p.phc, p.link_made_by, p.made_through from users u join user_passwords p on p.user_id = u.id
               where u.name = $1 and u.deleted_at is null";
    let Some(row) = tx.query_opt(sql, &[&name]).await? else { return Ok(None) };
    let phc = SecretString::from(row.try_get::<_, String>(1)?);
    let made_by = makers::of_row(&row, 2, 3)?;
    Ok(Some(StoredPassword { user_id: UserId::from_uuid(row.try_get(0)?), phc, made_by }))
}

/// The hash of a user's password.
pub async fn of_user(tx: &Tx, user: UserId) -> Result<Option<SecretString>, StoreError> {
    let sql = "select phc from user_passwords where user_id = $1";
    let row = tx.query_opt(sql, &[&user.as_uuid()]).await?;
    row.map(|row| Ok(SecretString::from(row.try_get::<_, String>(0)?))).transpose()
}

/// Whether this is still the user's password: what was proved a moment ago may have been changed meanwhile. Holds both until the
/// transaction ends.
pub async fn is_still(tx: &Tx, stored: &StoredPassword) -> Result<bool, StoreError> {
    // Users come before passwords, wherever both are locked.
    makers::hold_users(tx, &[(stored.user_id, Hold::Share)]).await?;
    let sql = "select 1 from user_passwords where user_id = $1 and phc = $2 for share";
    let phc = stored.phc.expose_secret();
    Ok(tx.query_opt(sql, &[&stored.user_id.as_uuid(), &phc]).await?.is_some())
}

/// Sets a live user's password in place of `before` (as [`of_user`] said it), and ends every other way in that was open: the sessions
/// but `kept`, and sign-in links. Whoever made what led to `kept` is remembered with it.
pub async fn set(
    tx: &Tx,
    user: UserId,
    before: Option<&SecretString>,
    phc: &SecretString,
    kept: &KeyDigest,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "select link_made_by, made_through from sessions where digest = $1 and user_id = $2";
    let session = tx.query_opt(sql, &[&kept.as_bytes().as_slice(), &user.as_uuid()]).await?;
    let made_by = session.map(|row| makers::of_row(&row, 0, 1)).transpose()?.unwrap_or_default();
    let held: Vec<_> = makers::shared(&made_by).chain([(user, Hold::Change)]).collect();
    makers::hold_users(tx, &held).await?;
    let sql = "select name from users where id = $1 and deleted_at is null";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid()]).await? else {
        return Err(StoreError::not_found("there is no such user"));
    };
    let name: &str = row.try_get(0)?;
    let session = "select 1 from sessions where digest = $1 and user_id = $2 for update";
    if tx.query_opt(session, &[&kept.as_bytes().as_slice(), &user.as_uuid()]).await?.is_none() {
        return Err(StoreError::conflict("the session has ended meanwhile; sign in again"));
    }
    let in_force = of_user(tx, user).await?;
    if in_force.as_ref().map(ExposeSecret::expose_secret) != before.map(ExposeSecret::expose_secret) {
        return Err(StoreError::conflict("the password was changed just now; look again"));
    }
    let (link_made_by, made_through) = makers::to_store(&made_by);
    tx.execute(
        "insert into user_passwords (user_id, phc, set_at, link_made_by, made_through) values ($1, $2, $3, $4, $5)
         on conflict (user_id) do update
         set phc = excluded.phc, set_at = excluded.set_at, link_made_by = excluded.link_made_by,
             made_through = excluded.made_through",
        &[&user.as_uuid(), &phc.expose_secret(), &now, &link_made_by, &made_through],
    )
    .await?;
    let actor = format!("user:{user}");
    sign_in_codes::forget(tx, user).await?;
    sessions::end_all(tx, user, Some(kept), &actor).await?;
    let first = json!({ "first": before.is_none() });
    audit_log::write(tx, &actor, "user.password", name, None, Some(first)).await
}

/// Removes the password of a user who ends.
pub(super) async fn forget(tx: &Tx, user: UserId) -> Result<(), StoreError> {
    tx.execute("delete from user_passwords where user_id = $1", &[&user.as_uuid()]).await?;
    Ok(())
}
