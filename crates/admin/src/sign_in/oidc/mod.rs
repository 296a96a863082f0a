//! Sign-in through an OpenID provider: the authorization code flow with PKCE.
//!
//! A browser is sent to the provider with a state and a nonce that belong to it alone, and comes back with a code. The code is exchanged
//! server to server; the ID token that comes for it says who somebody is there; who that is here, a manager has said. Whatever goes wrong
//! leads back to the sign-in page under one of few names, never with words that came from elsewhere, and always to an address of our own.

mod config;
mod flow;
mod http;
mod id_token;
mod provider;

use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tollgate_store::StoreError;
use tollgate_store::management::identities;
use tollgate_store::management::oidc_sign_ins::{self, Returned};

pub use config::OidcConfig;
pub(crate) use provider::Provider;

use self::flow::Flow;
use self::id_token::TokenError;
use super::throttle::Attempt;
use super::{Proof, cookie, origin, start};
use crate::app::Admin;
use crate::problem::{Kind, Problem};

/// Where the provider sends browsers back to.
const CALLBACK_PATH: &str = "/admin/api/v1/oidc/callback";
/// Where a sign-in begins.
pub(crate) const SIGN_IN_PATH: &str = "/admin/api/v1/oidc/sign-in";
/// Longest code that is exchanged: some providers put a sealed token there.
const MAX_CODE_BYTES: usize = 8 * 1024;

/// What was wrong with the provider, for the log.
#[derive(Debug, thiserror::Error)]
enum ProviderError {
    #[error("it could not be reached")]
    Unreachable,
    #[error("it did not answer in time")]
    Slow,
    #[error("it answered {0}")]
    Answered(StatusCode),
    #[error("its answer is too large")]
    TooLarge,
    #[error("its answer is not what OpenID Connect says")]
    Unreadable,
    #[error("{0}")]
    Settings(String),
    #[error("it knows no such code (any more)")]
    CodeRefused,
    #[error("its token is not believed: {0}")]
    Token(TokenError),
}

/// Why somebody is led back to the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// A page of another site began it.
    CrossSite,
    TooManyTries,
    /// The provider does not do its part.
    Provider,
    /// Whoever was asked there said no, or may not use this.
    Declined,
    /// Not begun in this browser, or long ago, or come back before.
    Expired,
    /// The token is not believed.
    NotBelieved,
    /// Nobody here is linked to that identity.
    NotLinked,
    /// Our own fault, or the database's.
    Unavailable,
}

impl Refusal {
    /// By which the sign-in page knows it.
    const fn code(self) -> &'static str {
        match self {
            Self::CrossSite => "csrf",
            Self::TooManyTries => "too_many_attempts",
            Self::Provider => "oidc_provider",
            Self::Declined => "oidc_declined",
            Self::Expired => "oidc_expired",
            Self::NotBelieved => "oidc_not_believed",
            Self::NotLinked => "oidc_not_linked",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Token(_) => {
                tracing::warn!(%error, "a sign-in through the OpenID provider was refused");
                Self::NotBelieved
            }
            ProviderError::CodeRefused => {
                tracing::info!(%error, "a sign-in through the OpenID provider was refused");
                Self::Expired
            }
            _ => {
                tracing::error!(%error, "the OpenID provider of `admin.oidc` does not work");
                Self::Provider
            }
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem.kind() {
            Kind::Csrf => Self::CrossSite,
            Kind::TooManyAttempts => Self::TooManyTries,
            Kind::WrongCredentials => Self::NotLinked,
            // Logged where it became a problem.
            _ => Self::Unavailable,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

/// Sends the browser to the OpenID provider, to sign in there.
#[utoipa::path(get, path = "/admin/api/v1/oidc/sign-in", tag = "sessions",
    responses((status = 303, description = "To the provider; or to the sign-in page, with what is wrong in `problem`")))]
pub(crate) async fn begin(State(admin): State<Admin>, parts: Parts) -> Response {
    let Some(provider) = admin.oidc() else { return nobody_comes_that_way() };
    match leave(&admin, provider, &parts).await {
        Ok((url, flow)) => lead(&url, [cookie::set_oidc(&admin, flow.secret())]),
        Err(refusal) => lead_back(refusal, []),
    }
}

async fn leave(admin: &Admin, provider: &Provider, parts: &Parts) -> Result<(String, Flow), Refusal> {
    origin::check(admin, &parts.headers)?;
    let mut attempt = Attempt::through_provider(admin, parts);
    attempt.count(admin, None).await?;
    let now = admin.clock().now();
    let flow = Flow::begin(admin.secrets());
    let url = match provider.authorization_url(&flow, &redirect_uri(admin, &parts.headers)?, now).await {
        Ok(url) => url,
        Err(error) => {
            // Nobody learned anything by a try that went nowhere.
            attempt.succeeded(admin).await?;
            return Err(error.into());
        }
    };
    // The session that this browser has now. On the way back its cookie does not come along, because another site sends it.
    let replaces = cookie::find(admin, &parts.headers).ok().flatten();
    let replaces = replaces.map(|secret| admin.secrets().session_digest(&secret));
    let digest = flow.digest();
    let begin = async |tx| oidc_sign_ins::begin(&tx, &digest, replaces.as_ref(), now).await;
    admin.store().tx("oidc_sign_in", begin).await?;
    Ok((url, flow))
}

/// Where the OpenID provider sends the browser back to: signs in whoever it vouches for, if that identity is linked to a user.
///
/// Parameters that others send along are not looked at.
#[utoipa::path(get, path = "/admin/api/v1/oidc/callback", tag = "sessions",
    params(("state" = Option<String>, Query), ("code" = Option<String>, Query), ("error" = Option<String>, Query),
        ("iss" = Option<String>, Query)),
    responses((status = 303, description = "To the dashboard; or to the sign-in page, with what is wrong in `problem`")))]
pub(crate) async fn come_back(State(admin): State<Admin>, parts: Parts) -> Response {
    let Some(provider) = admin.oidc() else { return nobody_comes_that_way() };
    let Some((flow, answer)) = match_answer(&admin, &parts) else {
        // Not this browser's. One that is still under way in it goes on.
        return lead_back(Refusal::Expired, []);
    };
    let over = cookie::clear_oidc(&admin);
    match enter(&admin, provider, &parts, &flow, &answer).await {
        Ok(session) => lead("/#/", [over, session]),
        Err(refusal) => {
            if refusal == Refusal::Provider
                && let Err(problem) = Attempt::through_provider(&admin, &parts).succeeded(&admin).await
            {
                // Logged where it became a problem; the try stays counted.
                return lead_back(problem.into(), [over]);
            }
            lead_back(refusal, [over])
        }
    }
}

/// What the provider gave the browser along.
#[derive(Debug, Default)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

impl Answer {
    /// Of a query; `None` where something is said twice.
    fn read(query: &str) -> Option<Self> {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match name.as_ref() {
                "state" => &mut answer.state,
                "code" => &mut answer.code,
                "error" => &mut answer.error,
                "iss" => &mut answer.iss,
                _ => continue,
            };
            if field.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        Some(answer)
    }
}

/// The sign-in that this browser began, if the answer is to it.
fn match_answer(admin: &Admin, parts: &Parts) -> Option<(Flow, Answer)> {
    let answer = Answer::read(parts.uri.query().unwrap_or_default())?;
    let carried = cookie::find_oidc(admin, &parts.headers)?;
    let flow = Flow::of_cookie(admin.secrets(), &carried);
    answer.state.as_deref().is_some_and(|state| flow.has_state(state)).then_some((flow, answer))
}

async fn enter(
    admin: &Admin,
    provider: &Provider,
    parts: &Parts,
    flow: &Flow,
    answer: &Answer,
) -> Result<HeaderValue, Refusal> {
    let (now, digest) = (admin.clock().now(), flow.digest());
    let take = async |tx| oidc_sign_ins::take(&tx, &digest, now).await;
    let returned = admin.store().tx("oidc_callback", take).await?;
    let Returned { replaces } = returned.ok_or(Refusal::Expired)?;
    provider.check_sender(answer.iss.as_deref(), now).await?;
    let code = match (&answer.error, &answer.code) {
        (None, Some(code)) if code.len() <= MAX_CODE_BYTES => code,
        (Some(error), _) => {
            tracing::info!(?error, "the OpenID provider sent somebody back without a code");
            return Err(Refusal::Declined);
        }
        _ => return Err(Refusal::Expired),
    };
    let redirect_uri = redirect_uri(admin, &parts.headers)?;
    let mut redeemed = provider.redeem(code, flow, &redirect_uri, now).await?;
    let (issuer, subject) = (&provider.config().issuer, redeemed.subject.clone());
    let is_linked = async |tx| identities::is_linked(&tx, issuer, &subject).await;
    if !admin.store().tx("oidc_is_linked", is_linked).await? {
        redeemed = provider.look_up_email(redeemed).await?;
    }
    let vouched = provider.vouched(redeemed);
    let started = start(admin, &parts.headers, &Proof::Vouched { vouched, replaces }).await;
    if let Err(problem) = &started
        && problem.kind() == Kind::WrongCredentials
    {
        // Told here, so that a manager can link it.
        tracing::warn!(issuer, ?subject, "somebody came by an identity that is linked to no user here");
    }
    let started = started?;
    Attempt::through_provider(admin, parts).succeeded(admin).await?;
    Ok(cookie::set(admin, &started.secret))
}

fn redirect_uri(admin: &Admin, headers: &HeaderMap) -> Result<String, Problem> {
    Ok(format!("{}{CALLBACK_PATH}", origin::base_url(admin, headers)?))
}

fn lead_back<const N: usize>(refusal: Refusal, cookies: [HeaderValue; N]) -> Response {
    lead(&format!("/#/sign-in?problem={}", refusal.code()), cookies)
}

fn lead<const N: usize>(to: &str, cookies: [HeaderValue; N]) -> Response {
    let Ok(location) = HeaderValue::try_from(to) else {
        return Problem::new(Kind::Internal, "the server's log says more").into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn nobody_comes_that_way() -> Response {
    Problem::new(Kind::NotFound, "no OpenID provider is set (`admin.oidc`)").into_response()
}
