//! How people come in and go: sessions, passwords, and the one-time codes of sign-in links.
//!
//! Whatever is wrong with a name, a password or a code is answered in the same words and after the same work. A session is a row of the
//! database under the digest of what its cookie carries; a new one has a new id, whatever the browser sent before.

pub(crate) mod cookie;
pub(crate) mod hashing;
pub(crate) mod links;
pub(crate) mod oidc;
pub(crate) mod origin;
mod password;
mod secrets;
pub(crate) mod throttle;

pub(crate) use password::{__path_set as __path_set_password, set as set_password};
pub(crate) use secrets::Secrets;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tollgate_domain::KeyDigest;
use tollgate_store::Tx;
use tollgate_store::management::identities::{self, Vouched};
use tollgate_store::management::keys::PlatformRole;
use tollgate_store::management::passwords::{self, StoredPassword};
use tollgate_store::management::sessions::{self, BegunBy};
use tollgate_store::management::sign_in_codes;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::{Caller, SignedIn};
use crate::extract::Body;
use crate::problem::{Kind, Problem};
use crate::sign_in::throttle::Attempt;

/// How people may come in here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInMethods {
    /// With name and password; always.
    password: bool,
    /// Through an OpenID provider; `null` where none is set.
    oidc: Option<OidcMethod>,
}

/// The OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OidcMethod {
    /// What people call it.
    #[schema(example = "the company")]
    name: String,
    /// Where a browser goes to sign in by it.
    #[schema(example = "/admin/api/v1/oidc/sign-in")]
    url: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    user: SessionUser,
    /// `manager`, `billing_manager` or `viewer`; `null`: a customer, who sees what is its own.
    #[schema(value_type = Option<String>)]
    role: Option<PlatformRole>,
    /// What every request by cookie other than `GET` and `HEAD` carries in `x-csrf-token`.
    csrf_token: String,
    /// When the session ends at the latest.
    expires_at: Timestamp,
    /// Whether the user has a password.
    has_password: bool,
    /// How it began: `password`, `code` (a sign-in link) or `oidc` (the OpenID provider).
    #[schema(example = "password")]
    begun_by: &'static str,
}

/// The user of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionUser {
    id: Uuid,
    name: String,
}

impl From<SignedIn> for Session {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { holder, csrf_token, .. } = signed_in;
        Self {
            user: SessionUser { id: holder.user_id.as_uuid(), name: holder.user_name },
            role: holder.role,
            csrf_token,
            expires_at: holder.expires_at,
            has_password: holder.has_password,
            begun_by: holder.begun_by.as_str(),
        }
    }
}

/// Name and password, or the one-time code of a sign-in link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The user's name.
    name: Option<String>,
    /// The user's password.
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// In place of both: the code of a sign-in link.
    #[schema(value_type = Option<String>)]
    code: Option<SecretString>,
}

/// How people may come in here.
#[utoipa::path(get, path = "/admin/api/v1/sign-in-methods", tag = "sessions",
    responses((status = 200, description = "The ways in", body = SignInMethods)))]
pub(crate) async fn methods(State(admin): State<Admin>) -> Json<SignInMethods> {
    let oidc = admin.oidc().map(|provider| OidcMethod {
        name: provider.config().display_name(),
        url: oidc::SIGN_IN_PATH.to_owned(),
    });
    Json(SignInMethods { password: true, oidc })
}

/// Signs in: begins a session, and gives it to the browser in a cookie. A session that the browser had before ends.
#[utoipa::path(post, path = "/admin/api/v1/session", tag = "sessions", request_body = SignIn,
    responses((status = 200, description = "Who is signed in", body = Session),
        (status = 401, description = "Name, password or code is wrong", body = crate::problem::ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "Another site sent this", body = crate::problem::ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries; see `Retry-After`", body = crate::problem::ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn begin(
    State(admin): State<Admin>,
    mut attempt: Attempt,
    headers: HeaderMap,
    Body(request): Body<SignIn>,
) -> Result<Response, Problem> {
    let SignIn { name, password, code } = request;
    let proof = match (name, password, code) {
        (Some(name), Some(password), None) => by_password(&admin, &mut attempt, &name, password).await?,
        (None, None, Some(code)) => by_code(&admin, &mut attempt, &code).await?,
        _ => return Err(Problem::new(Kind::Invalid, "send `name` and `password`, or `code` alone")),
    };
    let signed_in = start(&admin, &headers, &proof).await?;
    attempt.succeeded(&admin).await?;
    let cookie = cookie::set(&admin, &signed_in.secret);
    let session = Session::from(signed_in.signed_in);
    Ok(([(header::SET_COOKIE, cookie)], Json(session)).into_response())
}

/// Who somebody has shown to be, and how.
#[derive(Debug)]
pub(crate) enum Proof {
    /// Knows the password, which must still be this one.
    Password(StoredPassword),
    /// Has a code, which is used up when the session begins, in one transaction.
    Code(KeyDigest),
    /// The provider vouches for an identity; and the session that the browser had when it went there.
    Vouched { vouched: Vouched, replaces: Option<KeyDigest> },
}

async fn by_password(
    admin: &Admin,
    attempt: &mut Attempt,
    name: &str,
    password: SecretString,
) -> Result<Proof, Problem> {
    attempt.count(admin, Some(name)).await?;
    let stored = admin.store().tx("sign_in_password", async |tx| passwords::of_name(&tx, name).await).await?;
    // Somebody unknown costs as much time as somebody known.
    let is_right = admin.hasher().verify(password, stored.as_ref().map(|stored| stored.phc.clone())).await?;
    stored.filter(|_| is_right).map(Proof::Password).ok_or_else(wrong_credentials)
}

async fn by_code(admin: &Admin, attempt: &mut Attempt, code: &SecretString) -> Result<Proof, Problem> {
    attempt.count(admin, None).await?;
    Ok(Proof::Code(admin.secrets().code_digest(code.expose_secret())))
}

fn wrong_credentials() -> Problem {
    Problem::new(
        Kind::WrongCredentials,
        "the name, the password or the code is wrong, or the code was used or is over",
    )
}

/// A session that has begun, with what its cookie carries.
pub(crate) struct Started {
    pub(crate) signed_in: SignedIn,
    pub(crate) secret: SecretString,
}

/// Begins a session with a new id, in the transaction that looks once more whether what was proved still holds.
pub(crate) async fn start(admin: &Admin, headers: &HeaderMap, proof: &Proof) -> Result<Started, Problem> {
    let secret = Secrets::random();
    let digest = admin.secrets().session_digest(secret.expose_secret());
    let before = cookie::find(admin, headers).ok().flatten();
    let before = before.map(|before| admin.secrets().session_digest(&before));
    let (vouched, replaces) = match proof {
        Proof::Vouched { vouched, replaces } => (Some(vouched), *replaces),
        _ => (None, None),
    };
    let now = admin.clock().now();
    let begin = async |tx: Tx| {
        let found = match proof {
            Proof::Password(stored) => {
                let is_still = passwords::is_still(&tx, stored).await?;
                is_still.then_some((stored.user_id, BegunBy::Password, stored.made_by.clone()))
            }
            Proof::Code(code) => {
                let redeemed = sign_in_codes::redeem(&tx, code, now).await?;
                redeemed.map(|redeemed| (redeemed.user, BegunBy::Code, redeemed.made_by))
            }
            Proof::Vouched { vouched, .. } => {
                let recognized = identities::recognize(&tx, vouched, now).await?;
                recognized.map(|recognized| (recognized.user, BegunBy::Oidc, recognized.made_by))
            }
        };
        let Some((user, by, made_by)) = found else { return Ok(None) };
        for before in before.iter().chain(&replaces) {
            sessions::end(&tx, before).await?;
        }
        sessions::begin(&tx, &digest, user, by, vouched, &made_by, now).await?;
        sessions::holder(&tx, &digest, now).await
    };
    let holder = match admin.store().tx("sign_in", begin).await {
        // Deactivated since it was proved.
        Err(tollgate_store::StoreError::NotFound(_)) => None,
        other => other?,
    };
    let holder = holder.ok_or_else(wrong_credentials)?;
    let csrf_token = admin.secrets().csrf_token(secret.expose_secret());
    Ok(Started { signed_in: SignedIn { digest, csrf_token, holder }, secret })
}

/// Who is signed in.
#[utoipa::path(get, path = "/admin/api/v1/session", tag = "sessions",
    responses((status = 200, description = "Who is signed in", body = Session)))]
pub(crate) async fn show(signed_in: SignedIn) -> Json<Session> {
    Json(signed_in.into())
}

/// Signs out: ends this session, for good.
#[utoipa::path(delete, path = "/admin/api/v1/session", tag = "sessions",
    responses((status = 204, description = "The session has ended")))]
pub(crate) async fn end(State(admin): State<Admin>, signed_in: SignedIn) -> Result<Response, Problem> {
    admin.store().tx("sign_out", async |tx| sessions::end(&tx, &signed_in.digest).await).await?;
    Ok(signed_out(&admin))
}

/// Signs out everywhere: ends every session of this user.
#[utoipa::path(delete, path = "/admin/api/v1/sessions", tag = "sessions",
    responses((status = 204, description = "The sessions have ended")))]
pub(crate) async fn end_all(
    State(admin): State<Admin>,
    caller: Caller,
    _: SignedIn,
) -> Result<Response, Problem> {
    let actor = caller.actor();
    let end = async |tx| sessions::end_all(&tx, caller.user_id, None, &actor).await;
    admin.store().tx("sign_out_everywhere", end).await?;
    Ok(signed_out(&admin))
}

fn signed_out(admin: &Admin) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(admin))]).into_response()
}
