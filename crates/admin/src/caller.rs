//! Who asks, by the key or the session that the request carries, and what such a one is to the platform.
//!
//! Either is looked up by its keyed digest, at every request, so nothing that is compared depends on how much of a guess was right, and
//! what has ended is over. A key is what somebody sends on purpose: beside one, a cookie is not looked at.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, Clock, KeyDigest, UserId};
use tollgate_store::management::keys::{self, KeyHolder, PlatformRole};
use tollgate_store::management::makers::{Credential, Maker};
use tollgate_store::management::sessions::{self, SessionHolder};

use crate::app::Admin;
use crate::problem::{Kind, Problem};
use crate::sign_in::{Secrets, cookie, origin};

/// What a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A platform key or a person that may do everything.
    Manager,
    /// A platform key or a person for money and prices.
    BillingManager,
    /// A platform key or a person that reads.
    Viewer,
    /// A platform key or a person without a role: manages what is its own user's.
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

    const fn of_person(role: Option<PlatformRole>) -> Self {
        Self::of(ApiKeyPurpose::Platform, role)
    }

    /// What it is of the roles that are kept; none of a member and of a key's owner.
    const fn platform_role(self) -> Option<PlatformRole> {
        match self {
            Self::Manager => Some(PlatformRole::Manager),
            Self::BillingManager => Some(PlatformRole::BillingManager),
            Self::Viewer => Some(PlatformRole::Viewer),
            Self::Member | Self::KeyOwner => None,
        }
    }

    /// Whether it sees every user's rows, or its own user's alone.
    pub const fn sees_everybody(self) -> bool {
        matches!(self, Self::Manager | Self::BillingManager | Self::Viewer)
    }
}

/// By what somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// A key: a machine.
    Key,
    /// A session: a person.
    Session,
}

/// Whoever is signed in, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIn {
    pub(crate) digest: KeyDigest,
    pub(crate) csrf_token: String,
    pub(crate) holder: SessionHolder,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    Key(ApiKeyId),
    Session(Box<SignedIn>),
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    by: By,
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
        match &self.by {
            By::Key(id) => format!("key:{id}"),
            By::Session(_) => format!("user:{}", self.user_id),
        }
    }

    /// As whom the caller makes a way in: it is looked at once more in the transaction that makes it, because a role can be taken away
    /// after the door of the route.
    pub(crate) fn maker<'a>(&self, clock: &'a dyn Clock) -> Maker<'a> {
        let by = match &self.by {
            By::Key(id) => Credential::Key(*id),
            By::Session(signed_in) => Credential::Session(signed_in.digest),
        };
        Maker { user: self.user_id, by, role: self.role.platform_role(), clock }
    }

    /// By what it asks.
    pub(crate) const fn means(&self) -> Means {
        match self.by {
            By::Key(_) => Means::Key,
            By::Session(_) => Means::Session,
        }
    }

    /// The key that asks. A person has none.
    pub(crate) fn key_id(&self) -> Result<ApiKeyId, Problem> {
        match &self.by {
            By::Key(id) => Ok(*id),
            By::Session(_) => Err(Problem::new(Kind::NotFound, "whoever is signed in asks by no key")),
        }
    }
}

impl From<KeyHolder> for Caller {
    fn from(holder: KeyHolder) -> Self {
        let KeyHolder { key_id, user_id, purpose, role } = holder;
        Self { by: By::Key(key_id), user_id, role: Role::of(purpose, role) }
    }
}

impl From<SignedIn> for Caller {
    fn from(signed_in: SignedIn) -> Self {
        let SessionHolder { user_id, role, .. } = signed_in.holder;
        Self { by: By::Session(Box::new(signed_in)), user_id, role: Role::of_person(role) }
    }
}

/// Finds out who asks. One credential is needed: a key in `Authorization: Bearer` or `X-Api-Key` (two different ones are none), or
/// the cookie of a session, which needs its token where something is to be changed.
pub(crate) async fn authenticate(
    admin: &Admin,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    if let Some(secret) = credential(headers)? {
        let digest = admin.master().key_digest(secret);
        let holder = admin.store().tx("authenticate", async |tx| keys::holder(&tx, &digest).await).await?;
        return holder.map(Caller::from).ok_or_else(|| {
            Problem::new(Kind::Unauthenticated, "the key is unknown, revoked, or its user was deactivated")
        });
    }
    let Some(secret) = cookie::find(admin, headers)? else {
        return Err(Problem::new(
            Kind::Unauthenticated,
            "send a key in `Authorization: Bearer <key>`, or sign in",
        ));
    };
    let digest = admin.secrets().session_digest(&secret);
    let now = admin.clock().now();
    let find = async |tx| sessions::holder(&tx, &digest, now).await;
    let Some(holder) = admin.store().tx("authenticate_session", find).await? else {
        return Err(Problem::new(Kind::Unauthenticated, "the session has ended; sign in again"));
    };
    let csrf_token = admin.secrets().csrf_token(&secret);
    if !method.is_safe() {
        origin::check(admin, headers)?;
        if !Secrets::has_csrf_token(headers, &csrf_token) {
            return Err(Problem::new(
                Kind::Csrf,
                "send the session's `csrf_token` in the header `x-csrf-token`; nothing was changed",
            ));
        }
    }
    Ok(SignedIn { digest, csrf_token, holder }.into())
}

fn credential(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
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
    Ok(found)
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

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, state).await?.by {
            By::Session(signed_in) => Ok(*signed_in),
            By::Key(_) => {
                Err(Problem::new(Kind::Forbidden, "this is for people who are signed in, and a key is none"))
            }
        }
    }
}
