//! Users: who pays.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{ApiKeyId, Credits, UserId};
use tollgate_store::limits::Of;
use tollgate_store::management::Page;
use tollgate_store::management::accounts::{self, Account, AccountFilter};
use tollgate_store::management::keys::PlatformRole;
use tollgate_store::management::limits::{self, StandingFilter};
use tollgate_store::management::roles::{self, MadeKeys, WaysInMade};
use tollgate_store::users::{self, UserKind};
use tollgate_store::{StoreError, Tx};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path, Query};
use crate::limits::Limits;
use crate::page::{self, List, Listing};
use crate::problem::Problem;

/// Who pays: a person or an organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    id: Uuid,
    /// Unique among all users.
    name: String,
    /// `individual` or `organization`.
    #[schema(value_type = String, example = "individual")]
    kind: UserKind,
    /// What is left, in credits; a decimal as text, exact to twelve places. May be below zero.
    #[schema(value_type = String, example = "12.5")]
    balance: Credits,
    /// Of the balance, what requests in flight hold, in credits: what they are expected to cost, and what they may cost at most as soon as the money
    /// does not cover that easily. As gateways said last: a quarter of a second ago, where there is traffic.
    #[schema(value_type = String, example = "0.02")]
    held: Credits,
    /// What gateways may spend of it without asking, in credits: `held`, what they have charged and the books do not have yet, and room.
    #[schema(value_type = String, example = "1")]
    leased: Credits,
    /// The balance without what is held, in credits.
    #[schema(value_type = String, example = "12.48")]
    available: Credits,
    /// The limits on all keys of the user together; `null`: none.
    limits: Option<Limits>,
    /// What the user may do on the whole platform when signed in: `manager`, `billing_manager`, `viewer`. `null`: what is its own.
    #[schema(value_type = Option<String>)]
    role: Option<PlatformRole>,
    created_at: Timestamp,
    /// Since when none of the user's keys admits anything. `null`: active.
    deactivated_at: Option<Timestamp>,
}

/// A user, and the limits on it.
pub(crate) type Standing = (Account, Option<limits::Standing>);

impl TryFrom<Standing> for User {
    type Error = Problem;

    fn try_from((account, limits): Standing) -> Result<Self, Problem> {
        let Account { user, balance, held, leased, role, deactivated_at } = account;
        let users::User { id, name, kind, created_at, .. } = user;
        let available = balance.checked_sub(held).map_err(StoreError::from)?;
        let limits = limits.map(Limits::from);
        let id = id.as_uuid();
        Ok(Self {
            id,
            name,
            kind,
            balance,
            held,
            leased,
            available,
            limits,
            role,
            created_at,
            deactivated_at,
        })
    }
}

/// The user as it is now, with the limits on it.
async fn standing(tx: &Tx, id: UserId, now: Timestamp) -> Result<Standing, StoreError> {
    Ok((accounts::find(tx, id).await?, limits::find(tx, id.as_uuid(), now).await?))
}

/// A user to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Unique among all users; at most 200 characters, and not a UUID.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `individual` (the default) or `organization`.
    #[serde(default)]
    #[schema(value_type = String, example = "organization", pattern = "^(individual|organization)$")]
    kind: UserKind,
}

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Whose name holds this, in whatever case.
    search: Option<String>,
    /// `individual` or `organization`.
    #[param(value_type = Option<String>)]
    kind: Option<UserKind>,
    /// Those who were deactivated, too.
    #[serde(default)]
    with_deactivated: bool,
    /// Rows of a page, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Users, by name.
#[utoipa::path(get, path = "/admin/api/v1/users", tag = "users", params(UsersQuery),
    responses((status = 200, description = "A page of users", body = Listing<User>)))]
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Query(query): Query<UsersQuery>,
) -> Result<Json<Listing<User>>, Problem> {
    let UsersQuery { search, kind, with_deactivated, limit, cursor } = query;
    let filter = AccountFilter { search, kind, with_deactivated };
    let limit = page::limit(limit)?;
    let list = List::new(&admin, "users", caller.scope(), &filter);
    let after: Option<String> = list.place(cursor.as_deref())?;
    let now = admin.clock().now();
    let read = async |tx| {
        let page = accounts::page(&tx, &filter, after.as_deref(), limit).await?;
        let only = page.rows.iter().map(|account| account.user.id.as_uuid()).collect();
        let filter = StandingFilter { of: Some(Of::User), only: Some(only), ..StandingFilter::default() };
        let limits = limits::page(&tx, &filter, now, None, limit).await?.rows;
        Ok((page, limits))
    };
    let (page, limits) = admin.store().tx_repeatable_read("admin_list_users", read).await?;
    let mut limits: HashMap<Uuid, limits::Standing> =
        limits.into_iter().map(|standing| (standing.limited.id, standing)).collect();
    let rows = page.rows.into_iter().map(|account| {
        let limits = limits.remove(&account.user.id.as_uuid());
        User::try_from((account, limits))
    });
    let page = Page { rows: rows.collect::<Result<_, _>>()?, has_more: page.has_more };
    Ok(Json(list.answer(page, |user: &User| user.name.clone(), |user| user)?))
}

/// Creates a user with a balance of zero.
#[utoipa::path(post, path = "/admin/api/v1/users", tag = "users", request_body = NewUser,
    responses((status = 201, description = "The user", body = User)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let actor = caller.actor();
    let create = async |tx| {
        let user = users::create(&tx, &new.name, new.kind, &actor).await?;
        Ok((accounts::find(&tx, user.id).await?, None))
    };
    let created: Standing = admin.store().tx("admin_create_user", create).await?;
    Ok((StatusCode::CREATED, Json(created.try_into()?)))
}

/// One user, with the balance, what of it is held, and the limits on it.
#[utoipa::path(get, path = "/admin/api/v1/users/{user_id}", tag = "users", params(("user_id" = Uuid, Path)),
    responses((status = 200, description = "The user", body = User)))]
pub(crate) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user_id): Path<UserId>,
) -> Result<Json<User>, Problem> {
    caller.may_see(user_id)?;
    let now = admin.clock().now();
    let find = async |tx| standing(&tx, user_id, now).await;
    let found = admin.store().tx_repeatable_read("admin_find_user", find).await.map_err(not_found)?;
    Ok(Json(found.try_into()?))
}

/// Deactivates a user: all keys are revoked, whoever is signed in is out, and nothing can be granted or made for them any more. What is in the books stays.
/// The answer lists what the user made for others with roles.
#[utoipa::path(post, path = "/admin/api/v1/users/{user_id}/deactivate", tag = "users", params(("user_id" = Uuid, Path)),
    responses((status = 200, description = "The user, deactivated", body = DeactivatedUser)))]
pub(crate) async fn deactivate(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user_id): Path<UserId>,
) -> Result<Json<DeactivatedUser>, Problem> {
    let actor = caller.actor();
    let now = admin.clock().now();
    let deactivate = async |tx: Tx| {
        accounts::deactivate(&tx, user_id, &actor).await?;
        Ok((standing(&tx, user_id, now).await?, roles::made_by(&tx, user_id, None, now).await?))
    };
    let (standing, made) = admin.store().tx("admin_deactivate_user", deactivate).await?;
    Ok(Json(DeactivatedUser { user: standing.try_into()?, made: made.into() }))
}

/// A role to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedRole {
    /// `manager`, `billing_manager` or `viewer`; `null` takes the role away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, example = "viewer", required)]
    role: Option<PlatformRole>,
    /// Revoke keys as well that the user made for others, with roles that the new one does not include. Whoever made them has seen their secrets.
    #[serde(default)]
    revoke_made_keys: bool,
}

/// A user whose role was set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserWithRole {
    #[serde(flatten)]
    user: User,
    /// Keys that were revoked with it: the user's own, with a role that the new one does not include, and those made for others where that was asked.
    revoked_keys: Vec<Uuid>,
    #[serde(flatten)]
    made: MadeWaysIn,
}

/// A user who was deactivated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeactivatedUser {
    #[serde(flatten)]
    user: User,
    #[serde(flatten)]
    made: MadeWaysIn,
}

/// Ways in that the user made for others, who have roles that the user's own, as it is now, does not include. Whoever made one may be the one who uses
/// it, so what was made in turn in a session that it led to, or with a key that the user made, is listed as well, through however many hands it went.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "in the answer they stand among what is the user's")]
pub(crate) struct MadeWaysIn {
    /// Keys with such roles that are live still. Revoke them one by one, or send the same role again with `revoke_made_keys`.
    made_keys: Vec<Uuid>,
    /// Identities at the OpenID provider that the user linked to others, who have such roles. Unlink those that are not theirs.
    made_identities: Vec<MadeIdentity>,
    /// Users with such roles for whom the user made sign-in links that nobody has used yet. Another link ends the one before.
    made_sign_in_links: Vec<Uuid>,
    /// Users with such roles who have sessions that such a way in led to: that began by such a link or identity, or by a password that was set in such a
    /// session. A new password ends them: give its owner another link. Unlinking an identity ends those that began through a provider.
    made_sessions: Vec<Uuid>,
    /// Users with such roles whose password was set in a session that such a way in led to. Give its owner another link, to set a new one.
    made_passwords: Vec<Uuid>,
}

impl From<WaysInMade> for MadeWaysIn {
    fn from(made: WaysInMade) -> Self {
        let users = |users: Vec<UserId>| users.into_iter().map(UserId::as_uuid).collect();
        let identity = |(id, user): (Uuid, UserId)| MadeIdentity { id, user_id: user.as_uuid() };
        let WaysInMade { keys, identities, sign_in_links, sessions, passwords } = made;
        Self {
            made_keys: keys.into_iter().map(ApiKeyId::as_uuid).collect(),
            made_identities: identities.into_iter().map(identity).collect(),
            made_sign_in_links: users(sign_in_links),
            made_sessions: users(sessions),
            made_passwords: users(passwords),
        }
    }
}

/// An identity that somebody linked to somebody else.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeIdentity {
    id: Uuid,
    /// Whom it signs in as.
    user_id: Uuid,
}

/// Gives a user a role for when they are signed in, or takes it away, from the next request on. Of a user who had one, the own keys with a role that the
/// new one does not include are revoked with it: a manager is everything, any other role includes itself alone.
#[utoipa::path(put, path = "/admin/api/v1/users/{user_id}/role", tag = "users", params(("user_id" = Uuid, Path)),
    request_body = WantedRole,
    responses((status = 200, description = "The user as it is now, and what became of keys", body = UserWithRole)))]
pub(crate) async fn set_role(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user_id): Path<UserId>,
    Body(wanted): Body<WantedRole>,
) -> Result<Json<UserWithRole>, Problem> {
    let (maker, actor, now) = (caller.maker(admin.clock()), caller.actor(), admin.clock().now());
    let made = if wanted.revoke_made_keys { MadeKeys::Revoke } else { MadeKeys::Keep };
    let set = async |tx: Tx| {
        let change = roles::set(&tx, user_id, wanted.role, made, now, Some(&maker), &actor).await?;
        Ok((standing(&tx, user_id, now).await?, change))
    };
    let (standing, change) = admin.store().tx("admin_set_role", set).await?;
    Ok(Json(UserWithRole {
        user: standing.try_into()?,
        revoked_keys: change.revoked.into_iter().map(ApiKeyId::as_uuid).collect(),
        made: change.made.into(),
    }))
}

/// The user with this id, if the caller may see it. The words for another's id are those for none.
pub(crate) async fn visible(admin: &Admin, caller: &Caller, user: UserId) -> Result<Account, Problem> {
    caller.may_see(user)?;
    let find = async |tx| accounts::find(&tx, user).await;
    admin.store().tx("admin_find_user", find).await.map_err(not_found)
}

fn not_found(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound(_) => Problem::no_such("user"),
        other => other.into(),
    }
}
