//! Sign-in links: how a person comes in the first time, and when the password is forgotten. A manager gives them, or the command line.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tollgate_domain::{MasterKey, UserId};
use tollgate_store::management::sign_in_codes;
use tollgate_store::{StoreError, Tx};
use utoipa::ToSchema;

use super::{Secrets, origin};
use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::Path;
use crate::problem::Problem;

/// A sign-in link, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInLink {
    /// Good once. Whoever has it comes in as this user.
    #[schema(example = "https://tollgate.example/#/sign-in?code=…")]
    url: String,
    /// Until when.
    expires_at: Timestamp,
}

/// Makes a link by which a user comes in once, within 15 minutes. It ends the links that the user had before.
#[utoipa::path(post, path = "/admin/api/v1/users/{user_id}/sign-in-links", tag = "users", params(("user_id" = Uuid, Path)),
    responses((status = 201, description = "The link", body = SignInLink)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    headers: HeaderMap,
    Path(user): Path<UserId>,
) -> Result<(StatusCode, Json<SignInLink>), Problem> {
    let base = origin::base_url(&admin, &headers)?;
    let (now, maker, actor) = (admin.clock().now(), caller.maker(admin.clock()), caller.actor());
    let code = Secrets::random();
    let digest = admin.secrets().code_digest(code.expose_secret());
    let create = async |tx: Tx| sign_in_codes::create(&tx, &digest, user, Some(&maker), now, &actor).await;
    let expires_at = admin.store().tx("admin_sign_in_link", create).await?;
    Ok((StatusCode::CREATED, Json(SignInLink { url: url(&base, &code), expires_at })))
}

/// As the route does, for the command line: the link of a user under this base URL, and until when it is good.
pub async fn sign_in_link(
    tx: &Tx,
    master: &MasterKey,
    user: UserId,
    base: &str,
    now: Timestamp,
    actor: &str,
) -> Result<(SecretString, Timestamp), StoreError> {
    let code = Secrets::random();
    let digest = Secrets::derive(master).code_digest(code.expose_secret());
    let expires_at = sign_in_codes::create(tx, &digest, user, None, now, actor).await?;
    Ok((SecretString::from(url(base, &code)), expires_at))
}

fn url(base: &str, code: &SecretString) -> String {
    format!("{}/#/sign-in?code={}", base.trim_end_matches('/'), code.expose_secret())
}
