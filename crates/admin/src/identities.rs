//! Who people are at the OpenID provider: a manager links an identity to a user, or writes down the address of somebody who has not come
//! yet. Nobody else comes in that way.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::UserId;
use tollgate_store::management::identities::{self, KnownBy};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path};
use crate::page::Whole;
use crate::problem::{Kind, Problem};

/// Who a user is at an OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Identity {
    id: Uuid,
    /// The provider.
    #[schema(example = "https://login.example.com")]
    issuer: String,
    /// The provider's own name for the user. `null`: nobody has come with the address yet.
    subject: Option<String>,
    /// The address by which the link came about, or is to come about.
    email: Option<String>,
    /// When it was written down.
    created_at: Timestamp,
    /// Since when the subject comes in by it.
    linked_at: Option<Timestamp>,
    /// When it was come in by last.
    last_sign_in_at: Option<Timestamp>,
}

impl From<identities::Identity> for Identity {
    fn from(identity: identities::Identity) -> Self {
        let identities::Identity {
            id, issuer, subject, email, created_at, linked_at, last_sign_in_at, ..
        } = identity;
        Self { id, issuer, subject, email, created_at, linked_at, last_sign_in_at }
    }
}

/// An identity to be linked: a subject, or an address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewIdentity {
    /// The provider; the one of `admin.oidc` where it is left out.
    #[schema(example = "https://login.example.com")]
    issuer: Option<String>,
    /// The provider's own name for the user, as the claim `sub` says it.
    #[schema(example = "248289761001", min_length = 1, max_length = 255)]
    subject: Option<String>,
    /// In place of it: the first who comes with this address is linked, if the provider says that it has verified it. Only where
    /// `admin.oidc.link_by_email` says so.
    email: Option<String>,
}

/// Who a user is at OpenID providers.
#[utoipa::path(get, path = "/admin/api/v1/users/{user_id}/identities", tag = "users", params(("user_id" = Uuid, Path)),
    responses((status = 200, description = "All of them", body = Whole<Identity>)))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    Path(user): Path<UserId>,
) -> Result<Json<Whole<Identity>>, Problem> {
    let read = async |tx| {
        tollgate_store::management::accounts::find(&tx, user).await?;
        identities::of_user(&tx, user).await
    };
    let all = admin.store().tx("admin_list_identities", read).await?;
    Ok(Json(Whole::of(all)))
}

/// Links an identity to a user, who comes in by it from now on.
#[utoipa::path(post, path = "/admin/api/v1/users/{user_id}/identities", tag = "users", params(("user_id" = Uuid, Path)),
    request_body = NewIdentity,
    responses((status = 201, description = "The identity", body = Identity)))]
pub(crate) async fn link(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(new): Body<NewIdentity>,
) -> Result<(StatusCode, Json<Identity>), Problem> {
    let set = admin.oidc().map(crate::sign_in::oidc::Provider::config);
    let issuer = new.issuer.or_else(|| set.map(|config| config.issuer.clone())).ok_or_else(|| {
        Problem::new(Kind::Invalid, "no OpenID provider is set (`admin.oidc`); say which one as `issuer`")
    })?;
    let known_by = match (new.subject, new.email) {
        (Some(subject), None) => KnownBy::Subject(subject),
        (None, Some(email)) if set.is_some_and(|config| config.link_by_email && config.issuer == issuer) => {
            KnownBy::Email(email)
        }
        (None, Some(_)) => {
            return Err(Problem::new(
                Kind::Invalid,
                "addresses of this issuer are not trusted here (`admin.oidc.link_by_email`); link a subject",
            ));
        }
        _ => return Err(Problem::new(Kind::Invalid, "send `subject` or `email`, one of them")),
    };
    let (now, maker, actor) = (admin.clock().now(), caller.maker(admin.clock()), caller.actor());
    let link = async |tx| identities::link(&tx, user, &issuer, &known_by, Some(&maker), now, &actor).await;
    let identity = admin.store().tx("admin_link_identity", link).await?;
    Ok((StatusCode::CREATED, Json(identity.into())))
}

/// Takes an identity away from a user, and ends the sessions that began through a provider. Nobody comes in by it any more.
#[utoipa::path(delete, path = "/admin/api/v1/users/{user_id}/identities/{identity_id}", tag = "users",
    params(("user_id" = Uuid, Path), ("identity_id" = Uuid, Path)),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn unlink(
    State(admin): State<Admin>,
    caller: Caller,
    Path((user, identity)): Path<(UserId, Uuid)>,
) -> Result<StatusCode, Problem> {
    let actor = caller.actor();
    let unlink = async |tx| identities::unlink(&tx, user, identity, &actor).await;
    admin.store().tx("admin_unlink_identity", unlink).await?;
    Ok(StatusCode::NO_CONTENT)
}
