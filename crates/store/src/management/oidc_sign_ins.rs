//! `oidc_sign_ins`: sign-ins that were sent to an OpenID provider and have not come back, by the digest of what the browser's cookie
//! carries. Each comes back once.

use jiff::{SignedDuration, Timestamp};
use tollgate_domain::KeyDigest;

use super::sessions::after;
use crate::{StoreError, Tx};

/// How long somebody may take at the provider: to find a password, and a telephone with the second factor.
pub const OIDC_SIGN_IN_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// A sign-in that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The session that the browser had when it left, which ends with the new one.
    pub replaces: Option<KeyDigest>,
}

/// Notes that a sign-in goes to the provider.
pub async fn begin(
    tx: &Tx,
    digest: &KeyDigest,
    replaces: Option<&KeyDigest>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let replaces = replaces.map(|digest| digest.as_bytes().as_slice());
    let sql = "insert into oidc_sign_ins (digest, replaces, expires_at) values ($1, $2, $3)";
    let expires_at = after(now, OIDC_SIGN_IN_LIFETIME);
    tx.execute(sql, &[&digest.as_bytes().as_slice(), &replaces, &expires_at]).await?;
    Ok(())
}

/// Uses a sign-in up: the one time that it comes back in its time.
pub async fn take(tx: &Tx, digest: &KeyDigest, now: Timestamp) -> Result<Option<Returned>, StoreError> {
    // Of two at once the second waits for the first's row, and then finds none.
    let sql = "delete from oidc_sign_ins where digest = $1 returning replaces, expires_at > $2";
    let Some(row) = tx.query_opt(sql, &[&digest.as_bytes().as_slice(), &now]).await? else { return Ok(None) };
    let replaces: Option<&[u8]> = row.try_get(0)?;
    let replaces = replaces.and_then(|bytes| bytes.try_into().ok()).map(KeyDigest::from_bytes);
    Ok(row.try_get::<_, bool>(1)?.then_some(Returned { replaces }))
}

pub(super) async fn clear_away(tx: &Tx, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("delete from oidc_sign_ins where expires_at <= $1", &[&now]).await?;
    Ok(())
}
