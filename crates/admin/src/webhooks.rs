//! Webhooks: who is told when a balance is low, depleted or refilled, and what became of the messages.
//!
//! Whoever sets one makes servers send requests there, so its URL is judged as that of an endpoint is ([`crate::upstream_url`]), here and at each
//! connection. The management API sends nothing itself: whoever runs a sender gives it one ([`Admin::try_webhooks_by`]).

use std::pin::Pin;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use jiff::Timestamp;
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tollgate_domain::{Credits, UserId, WebhookId};
use tollgate_store::management::accounts;
use tollgate_store::webhook_deliveries::{self, DeliveryFilter};
use tollgate_store::{Tx, users, webhooks};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path, Query};
use crate::page::{self, List, Listing, Whole};
use crate::problem::{Kind, Problem};
use crate::upstream_url::UrlOf;

/// Bytes of a new secret's key. The specification allows 24 to 64.
const NEW_KEY_BYTES: usize = 32;

/// Sends a webhook one signed message that says nothing, within a time limit of its own.
pub type WebhookTry = Arc<dyn Fn(WebhookToTry) -> Trying + Send + Sync>;

/// What a webhook makes of it, to come.
pub type Trying = Pin<Box<dyn Future<Output = WebhookTried> + Send>>;

/// A webhook to be tried.
#[derive(Debug, Clone)]
pub struct WebhookToTry {
    /// Which it is.
    pub id: WebhookId,
    /// Where the message goes.
    pub url: String,
    /// To public addresses and opened networks alone.
    pub public_only: bool,
    /// What it is signed with.
    pub secret: SecretString,
}

/// What became of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTried {
    /// Its id, as the receiver sees it.
    pub message_id: String,
    /// The answer's status.
    pub status: Option<u16>,
    /// What was wrong; `None`: the receiver took it.
    pub error: Option<String>,
}

/// A new secret by the Standard Webhooks specification, from the operating system's randomness: `whsec_` and base64.
pub fn new_webhook_secret() -> SecretString {
    let key: [u8; NEW_KEY_BYTES] = rand::rng().random();
    SecretString::from(format!("whsec_{}", BASE64_STANDARD.encode(key)))
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    id: Uuid,
    /// Where messages are posted to.
    url: String,
    /// The only user that it hears of; `null`: of all.
    user_id: Option<Uuid>,
    /// By name.
    user: Option<String>,
    /// It is connected to by addresses of the public internet and of `admin.allowed_networks` alone. So it is with every webhook that was set here;
    /// one that the server's command line set may lead anywhere.
    public_only: bool,
    created_at: Timestamp,
}

impl From<webhooks::Webhook> for Webhook {
    fn from(webhook: webhooks::Webhook) -> Self {
        let webhooks::Webhook { id, url, user_id, user, public_only, created_at, .. } = webhook;
        Self { id: id.as_uuid(), url, user_id: user_id.map(UserId::as_uuid), user, public_only, created_at }
    }
}

/// A webhook that was made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    /// What messages are signed with, by the Standard Webhooks specification. Shown this once.
    #[schema(example = "whsec_…")]
    secret: String,
}

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Where messages are posted to: `http://` or `https://`.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// The only user that it hears of; of all where it is left out.
    user_id: Option<Uuid>,
}

/// All webhooks, oldest first.
#[utoipa::path(get, path = "/admin/api/v1/webhooks", tag = "webhooks",
    responses((status = 200, description = "Every webhook", body = Whole<Webhook>)))]
pub(crate) async fn list(State(admin): State<Admin>) -> Result<Json<Whole<Webhook>>, Problem> {
    let all = admin.store().tx("admin_list_webhooks", async |tx| webhooks::list(&tx).await).await?;
    Ok(Json(Whole::of(all)))
}

/// Makes a webhook, which hears of what happens to balances from now on: `balance.low`, `balance.depleted`, `balance.refilled`. A URL that leads to no
/// public address and to none of `admin.allowed_networks` is refused.
#[utoipa::path(post, path = "/admin/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookWithSecret)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    Body(new): Body<NewWebhook>,
) -> Result<(StatusCode, Json<WebhookWithSecret>), Problem> {
    admin.check_url(UrlOf::Webhook, &new.url).await?;
    let user = new.user_id.map(|user| user.to_string());
    let secret = new_webhook_secret();
    let shown = secret.expose_secret().to_owned();
    let new = webhooks::NewWebhook { url: new.url.trim().to_owned(), user, secret, public_only: true };
    let actor = caller.actor();
    let create = async |tx: Tx| webhooks::create(&tx, admin.master(), &new, &actor).await;
    let webhook = admin.store().tx("admin_create_webhook", create).await?.into();
    Ok((StatusCode::CREATED, Json(WebhookWithSecret { webhook, secret: shown })))
}

/// Removes a webhook. What it has not got yet is given up.
#[utoipa::path(delete, path = "/admin/api/v1/webhooks/{webhook_id}", tag = "webhooks", params(("webhook_id" = Uuid, Path)),
    responses((status = 200, description = "The webhook as it was", body = Webhook)))]
pub(crate) async fn remove(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<WebhookId>,
) -> Result<Json<Webhook>, Problem> {
    let actor = caller.actor();
    let remove = async |tx: Tx| webhooks::remove(&tx, id, &actor).await;
    Ok(Json(admin.store().tx("admin_remove_webhook", remove).await?.into()))
}

/// What became of a message that says nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookTest {
    /// As the receiver sees it.
    message_id: String,
    /// Whether the receiver took it.
    delivered: bool,
    /// The answer's status; `null` where there was none.
    status: Option<u16>,
    /// What was wrong; `null` where it was taken.
    error: Option<String>,
}

/// Sends a webhook a signed message that says nothing (`webhook.test`), now and once, and says what became of it. One that does not take it is an answer too, and
/// no error.
#[utoipa::path(post, path = "/admin/api/v1/webhooks/{webhook_id}/test", tag = "webhooks", params(("webhook_id" = Uuid, Path)),
    responses((status = 200, description = "What became of it", body = WebhookTest)))]
pub(crate) async fn send_test(
    State(admin): State<Admin>,
    Path(id): Path<WebhookId>,
) -> Result<Json<WebhookTest>, Problem> {
    let find = async |tx: Tx| {
        let webhook = webhooks::find(&tx, id).await?;
        let secret = webhook.secret(admin.master())?;
        Ok(WebhookToTry { id, url: webhook.url, public_only: webhook.public_only, secret })
    };
    let webhook = admin.store().tx("admin_test_webhook", find).await?;
    let Some(send) = admin.webhook_try() else {
        return Err(Problem::new(
            Kind::Conflict,
            "no server runs beside this management API that could send a message",
        ));
    };
    admin.checks().enter(admin.clock().now())?;
    let WebhookTried { message_id, status, error } = send(webhook).await;
    Ok(Json(WebhookTest { message_id, delivered: error.is_none(), status, error }))
}

/// A message that a webhook is owed, or was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// As the receiver sees it.
    message_id: String,
    webhook_id: Uuid,
    url: String,
    /// `balance.low`, `balance.depleted` or `balance.refilled`.
    #[schema(example = "balance.low")]
    r#type: String,
    /// Whose balance, by name.
    user: String,
    /// The balance since, in credits.
    #[schema(value_type = String, example = "4.99")]
    balance: Credits,
    created_at: Timestamp,
    /// `waiting`, `delivered` or `given_up`.
    #[schema(example = "delivered")]
    state: String,
    /// How often it was tried.
    attempts: i32,
    /// When it is tried next, where it waits.
    next_attempt_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// The status of the last answer.
    last_status: Option<i32>,
    /// What was wrong with the last attempt.
    last_error: Option<String>,
}

impl From<webhook_deliveries::Delivery> for Delivery {
    fn from(delivery: webhook_deliveries::Delivery) -> Self {
        Self {
            message_id: delivery.message_id,
            webhook_id: delivery.webhook_id.as_uuid(),
            url: delivery.url,
            r#type: delivery.kind,
            user: delivery.user,
            balance: delivery.balance,
            created_at: delivery.created_at,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            ended_at: delivery.ended_at,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
        }
    }
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesQuery {
    /// Those alone that are not delivered.
    #[serde(default)]
    undelivered: bool,
    /// To this webhook alone.
    webhook_id: Option<Uuid>,
    /// Rows of a page, 50 when nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Messages that webhooks are owed, and what became of those of the last 30 days; newest first.
#[utoipa::path(get, path = "/admin/api/v1/webhook-deliveries", tag = "webhooks", params(DeliveriesQuery),
    responses((status = 200, description = "A page of messages", body = Listing<Delivery>)))]
pub(crate) async fn deliveries(
    State(admin): State<Admin>,
    caller: Caller,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<Listing<Delivery>>, Problem> {
    let DeliveriesQuery { undelivered, webhook_id, limit, cursor } = query;
    let limit = page::limit(limit)?;
    let mut filter =
        DeliveryFilter { undelivered, webhook: webhook_id.map(WebhookId::from_uuid), before: None };
    let list = List::new(&admin, "webhook deliveries", caller.scope(), &filter);
    filter.before = list.place(cursor.as_deref())?;
    let read = async |tx| webhook_deliveries::page(&tx, &filter, limit).await;
    let page = admin.store().tx("admin_list_deliveries", read).await?;
    Ok(Json(list.answer(page, |delivery| delivery.no, Delivery::from)?))
}

/// At which balance webhooks are told that it is low.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LowBalance {
    /// When the balance falls to this, or below, in credits above zero. `null`: they are told of none.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, example = "5", required, pattern = r"^[0-9]{1,15}(\.[0-9]{1,12})?$")]
    low_balance: Option<Credits>,
}

/// Sets at which balance of a user webhooks are told that it is low.
#[utoipa::path(put, path = "/admin/api/v1/users/{user_id}/low-balance", tag = "webhooks", params(("user_id" = Uuid, Path)),
    request_body = LowBalance,
    responses((status = 200, description = "As it is now", body = LowBalance)))]
pub(crate) async fn set_low_balance(
    State(admin): State<Admin>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(wanted): Body<LowBalance>,
) -> Result<Json<LowBalance>, Problem> {
    let actor = caller.actor();
    let set = async |tx: Tx| {
        accounts::find(&tx, user).await?;
        users::set_low_balance(&tx, &user.to_string(), wanted.low_balance, &actor).await
    };
    admin.store().tx("admin_set_low_balance", set).await?;
    Ok(Json(wanted))
}
