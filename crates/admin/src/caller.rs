//! Who asks, by the key that the request carries, and what such a one is to the platform.
//!
//! A key is looked up by its keyed digest, so nothing that is compared depends on how much of a guess was right.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, UserId};
use tollgate_store::management::keys::{self, KeyHolder, PlatformRole};

use crate::app::Admin;
use crate::problem::{Kind, Problem};

/// What a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A platform key that may do everything.
    Manager,
    /// A platform key for money and prices.
    BillingManager,
    /// A platform key that reads.
    Viewer,
    /// A platform key without a role: it manages what is its own user's.
    Member,
    /// Any other live key: it reads what is its own user's.
    KeyOwner,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Manager, Self::BillingManager, Self::Viewer, Self::Member, Self::KeyOwner];

    const fn of(purpose: ApiKeyPurpose, role: Option<PlatformRole>) -> Self {
        match (purpose, role) {
            (ApiKeyPurpose::Platform, Some(PlatformRole::Manager)) => Self::Manager,
            (ApiKeyPurpose::Platform, Some(PlatformRole::BillingManager)) => Self::BillingManager,
            (ApiKeyPurpose::Platform, Some(PlatformRole::Viewer)) => Self::Viewer,
            (ApiKeyPurpose::Platform, None) => Self::Member,
            _ => Self::KeyOwner,
        }
    }

    /// Whether it sees every user's rows, or its own user's alone.
    pub const fn sees_everybody(self) -> bool {
        matches!(self, Self::Manager | Self::BillingManager | Self::Viewer)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) key_id: ApiKeyId,
    pub(crate) user_id: UserId,
    pub(crate) role: Role,
}

impl Caller {
    /// The only user whose rows the caller may see; `None`: everybody's.
    pub(crate) fn scope(&self) -> Option<UserId> {
        (!self.role.sees_everybody()).then_some(self.user_id)
    }

    /// Refuses another user's id where the caller may see only its own, in the words for one that is not there.
    pub(crate) fn may_see(&self, user: UserId) -> Result<(), Problem> {
        match self.scope() {
            Some(own) if own != user => Err(Problem::no_such("user")),
            _ => Ok(()),
        }
    }

    /// What the audit log calls the caller.
    pub(crate) fn actor(&self) -> String {
        format!("key:{}", self.key_id)
    }
}

impl From<KeyHolder> for Caller {
    fn from(holder: KeyHolder) -> Self {
        let KeyHolder { key_id, user_id, purpose, role } = holder;
        Self { key_id, user_id, role: Role::of(purpose, role) }
    }
}

/// Finds out who asks. One credential is needed, in `Authorization: Bearer` or `X-Api-Key`; two different ones are none.
pub(crate) async fn authenticate(admin: &Admin, headers: &HeaderMap) -> Result<Caller, Problem> {
    let secret = credential(headers)?;
    let digest = admin.master().key_digest(secret);
    let holder = admin.store().tx("authenticate", async |tx| keys::holder(&tx, &digest).await).await?;
    holder.map(Caller::from).ok_or_else(|| {
        Problem::new(Kind::Unauthenticated, "the key is unknown, revoked, or its user was deactivated")
    })
}

fn credential(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = |detail| Problem::new(Kind::Unauthenticated, detail);
    let mut found: Option<&str> = None;
    let bearer = headers.get_all(AUTHORIZATION).iter().map(|value| {
        let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    let named = headers.get_all("x-api-key").iter().map(|value| value.to_str().ok().map(str::trim));
    for credential in bearer.chain(named) {
        let credential = credential
            .filter(|text| !text.is_empty())
            .ok_or_else(|| missing("the credential cannot be read; send `Authorization: Bearer <key>`"))?;
        if found.is_some_and(|found| found != credential) {
            return Err(missing("the request carries two different credentials; send one"));
        }
        found = Some(credential);
    }
    found.ok_or_else(|| missing("send a key in `Authorization: Bearer <key>`"))
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Put there by the door of the route; a route without a door has no callers.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler asks for its caller on a route that nobody is let into");
            Problem::new(Kind::Internal, "the server's log says more")
        })
    }
}
