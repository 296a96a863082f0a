//! `sessions`: people who are signed in. Kept by the digest of what their cookie carries, looked up at every request, so that what
//! ends one (a sign-out, a deactivation, another role) holds from the next request on.
//!
//! Time is the caller's: a session that is over is none, whether its row has been cleared away or not.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{KeyDigest, UserId};

use super::identities::Vouched;
use super::keys::PlatformRole;
use super::makers;
use crate::{StoreError, Tx, audit_log};

/// A session ends this long after it began, whatever is done in it: somebody who works here signs in once a day.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// A session ends when nothing was asked in it for this long: an unattended screen must not stay a manager's.
pub const SESSION_IDLE: SignedDuration = SignedDuration::from_hours(2);
/// Most sessions of one user; the one that began first ends when one more begins, whatever any clock said.
const SESSIONS_OF_ONE_USER: i64 = 20;

/// How somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BegunBy {
    /// With name and password.
    Password,
    /// With the one-time code of a sign-in link.
    Code,
    /// Through the OpenID provider.
    Oidc,
}

impl BegunBy {
    const ALL: [Self; 3] = [Self::Password, Self::Code, Self::Oidc];

    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
            Self::Oidc => "oidc",
        }
    }

    fn from_stored(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|by| by.as_str() == text);
        found.ok_or_else(|| StoreError::Corrupt(format!("a session that began by `{text}`")))
    }
}

/// Whoever is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHolder {
    /// Who.
    pub user_id: UserId,
    /// By name.
    pub user_name: String,
    /// What the user may do on the whole platform, as it is now.
    pub role: Option<PlatformRole>,
    /// Whether the user has a password.
    pub has_password: bool,
    /// How the session began.
    pub begun_by: BegunBy,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Begins a session of a live user under this digest, and says when it ends at the latest. `vouched` is for the audit log: as whom somebody
/// came through a provider. `made_by` is who made the sign-in link or the identity that led to this, at once or by a password, and then through whom.
pub async fn begin(
    tx: &Tx,
    digest: &KeyDigest,
    user: UserId,
    by: BegunBy,
    vouched: Option<&Vouched>,
    made_by: &[UserId],
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    // The lock waits for a deactivation under way, and one that comes after it finds this session.
    let sql = "select name from users where id = $1 and id <> $2 and deleted_at is null for share";
    let Some(row) = tx.query_opt(sql, &[&user.as_uuid(), &UserId::SYSTEM.as_uuid()]).await? else {
        return Err(StoreError::not_found("there is no such user"));
    };
    let name: &str = row.try_get(0)?;
    let expires_at = after(now, SESSION_LIFETIME);
    let (link_made_by, made_through) = makers::to_store(made_by);
    tx.execute(
        "insert into sessions (digest, user_id, began_by, created_at, last_seen_at, expires_at, link_made_by,
                               made_through)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &digest.as_bytes().as_slice(),
            &user.as_uuid(),
            &by.as_str(),
            &now,
            &to_the_minute(now),
            &expires_at,
            &link_made_by,
            &made_through,
        ],
    )
    .await?;
    tx.execute(
        "delete from sessions where digest in
             (select digest from sessions where user_id = $1 order by no desc offset $2)",
        &[&user.as_uuid(), &SESSIONS_OF_ONE_USER],
    )
    .await?;
    let actor = format!("user:{user}");
    let logged = match vouched {
        Some(Vouched { issuer, subject, .. }) => {
            json!({ "by": by.as_str(), "issuer": issuer, "subject": subject })
        }
        None => json!({ "by": by.as_str() }),
    };
    audit_log::write(tx, &actor, "session.begin", name, None, Some(logged)).await?;
    Ok(expires_at)
}

/// Whose session this is, while it lasts and its user is live. Notes that something was asked in it.
pub async fn holder(
    tx: &Tx,
    digest: &KeyDigest,
    now: Timestamp,
) -> Result<Option<SessionHolder>, StoreError> {
    let statement = tx
        .prepare_cached(
            "select s.user_id, u.name, u.role, s.began_by, s.created_at, s.expires_at, s.last_seen_at,
                    exists (select 1 from user_passwords p where p.user_id = u.id)
             from sessions s join users u on u.id = s.user_id
             where s.digest = $1 and u.deleted_at is null and s.expires_at > $2 and s.last_seen_at > $3",
        )
        .await?;
    let digest = digest.as_bytes().as_slice();
    let idle_since = idle_since(now);
    let Some(row) = tx.query_opt(&statement, &[&digest, &now, &idle_since]).await? else {
        return Ok(None);
    };
    let minute = to_the_minute(now);
    if row.try_get::<_, Timestamp>(6)? < minute {
        let sql = "update sessions set last_seen_at = $2 where digest = $1 and last_seen_at < $2";
        tx.execute(sql, &[&digest, &minute]).await?;
    }
    from_row(&row).map(Some)
}

/// Ends one session, for good.
pub async fn end(tx: &Tx, digest: &KeyDigest) -> Result<(), StoreError> {
    let sql = "delete from sessions where digest = $1 returning user_id";
    if let Some(row) = tx.query_opt(sql, &[&digest.as_bytes().as_slice()]).await? {
        let user = UserId::from_uuid(row.try_get(0)?);
        audit_log::write(tx, &format!("user:{user}"), "session.end", &user.to_string(), None, None).await?;
    }
    Ok(())
}

/// Ends every session of a user but this one, and says how many there were.
pub async fn end_all(tx: &Tx, user: UserId, but: Option<&KeyDigest>, actor: &str) -> Result<u64, StoreError> {
    let but = but.map(|digest| digest.as_bytes().as_slice());
    let sql = "delete from sessions where user_id = $1 and ($2::bytea is null or digest <> $2)";
    let ended = tx.execute(sql, &[&user.as_uuid(), &but]).await?;
    if ended > 0 {
        let logged = json!({ "ended": ended });
        audit_log::write(tx, actor, "session.end_all", &user.to_string(), None, Some(logged)).await?;
    }
    Ok(ended)
}

/// Ends the sessions of a user that began by this, and says how many there were.
pub(super) async fn end_all_begun_by(tx: &Tx, user: UserId, by: BegunBy) -> Result<u64, StoreError> {
    let sql = "delete from sessions where user_id = $1 and began_by = $2";
    Ok(tx.execute(sql, &[&user.as_uuid(), &by.as_str()]).await?)
}

/// Clears away what is over: sessions, codes, sign-ins that never came back, and the counts of tries.
pub async fn clear_away(tx: &Tx, now: Timestamp) -> Result<(), StoreError> {
    let idle_since = idle_since(now);
    tx.execute("delete from sessions where expires_at <= $1 or last_seen_at <= $2", &[&now, &idle_since])
        .await?;
    super::sign_in_codes::clear_away(tx, now).await?;
    super::oidc_sign_ins::clear_away(tx, now).await?;
    super::sign_in_attempts::clear_away(tx, now).await
}

/// In which sessions nothing was asked for too long: those where something was at this time last, or before.
pub(super) fn idle_since(now: Timestamp) -> Timestamp {
    before(now, SESSION_IDLE)
}

pub(super) fn after(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_add(duration).unwrap_or(at)
}

pub(super) fn before(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(at)
}

fn to_the_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(at)
}

fn from_row(row: &Row) -> Result<SessionHolder, StoreError> {
    let role: Option<&str> = row.try_get(2)?;
    Ok(SessionHolder {
        user_id: UserId::from_uuid(row.try_get(0)?),
        user_name: row.try_get(1)?,
        role: role.map(str::parse).transpose()?,
        begun_by: BegunBy::from_stored(row.try_get(3)?)?,
        created_at: row.try_get(4)?,
        expires_at: row.try_get(5)?,
        has_password: row.try_get(7)?,
    })
}
