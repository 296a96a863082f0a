//! `webhooks`: who wants to hear what becomes of balances, and the secrets that they check signatures with, sealed.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{MasterKey, UserId, WebhookId};

use crate::text::check_text;
use crate::{StoreError, Tx, audit_log, sealing, users};

/// A webhook to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where messages go.
    pub url: String,
    /// Name or id of the only user that it hears of.
    pub user: Option<String>,
    /// What messages are signed with.
    pub secret: SecretString,
    /// It may lead to public addresses and to networks that the operator has opened, alone.
    pub public_only: bool,
}

/// A webhook as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Webhook {
    /// The webhook.
    pub id: WebhookId,
    /// Where messages go.
    pub url: String,
    /// The only user that it hears of; `None`: of all.
    pub user_id: Option<UserId>,
    /// By name.
    pub user: Option<String>,
    /// It may lead to public addresses and to networks that the operator has opened, alone: who set it may not name every address.
    pub public_only: bool,
    /// By the database's clock.
    pub created_at: Timestamp,
    /// As it is kept.
    #[serde(skip)]
    pub sealed_secret: Vec<u8>,
}

const SELECT: &str = "select w.id, w.url, w.user_id, u.name, w.created_at, w.sealed_secret, w.public_only
                      from webhooks w left join users u on u.id = w.user_id";

/// Makes a webhook. It hears of what happens from now on.
pub async fn create(
    tx: &Tx,
    master: &MasterKey,
    new: &NewWebhook,
    actor: &str,
) -> Result<Webhook, StoreError> {
    check_text("the webhook's URL", &new.url)?;
    let user = match &new.user {
        Some(user) => Some(users::find(tx, user).await?.id.as_uuid()),
        None => None,
    };
    let id = WebhookId::generate();
    let sealed = sealing::seal_webhook(master, id, &new.secret)?;
    tx.execute(
        "insert into webhooks (id, url, user_id, sealed_secret, public_only) values ($1, $2, $3, $4, $5)",
        &[&id.as_uuid(), &new.url, &user, &sealed, &new.public_only],
    )
    .await?;
    let webhook = find(tx, id).await?;
    audit_log::write(tx, actor, "webhook.add", &id.to_string(), None, Some(json!(webhook))).await?;
    Ok(webhook)
}

/// Removes a webhook. What it has not got yet is given up.
pub async fn remove(tx: &Tx, id: WebhookId, actor: &str) -> Result<Webhook, StoreError> {
    let webhook = find(tx, id).await?;
    let sql = "update webhooks set deleted_at = clock_timestamp() where id = $1 and deleted_at is null";
    if tx.execute(sql, &[&id.as_uuid()]).await? == 0 {
        return Err(StoreError::not_found(format!("webhook {id} was removed just now")));
    }
    tx.execute(
        "update webhook_deliveries
         set ended_at = clock_timestamp(), outcome = 'given_up', last_error = 'the webhook was removed', claimed_until = null
         where ended_at is null and webhook_no = (select no from webhooks where id = $1)",
        &[&id.as_uuid()],
    )
    .await?;
    audit_log::write(tx, actor, "webhook.remove", &id.to_string(), Some(json!(webhook)), None).await?;
    Ok(webhook)
}

/// The live webhook of this id.
pub async fn find(tx: &Tx, id: WebhookId) -> Result<Webhook, StoreError> {
    let sql = format!("{SELECT} where w.id = $1 and w.deleted_at is null");
    match tx.query_opt(&sql, &[&id.as_uuid()]).await? {
        Some(row) => from_row(&row),
        None => Err(StoreError::not_found(format!(
            "there is no webhook {id}; `tollgate webhook list` shows those that there are"
        ))),
    }
}

/// All live webhooks, oldest first.
pub async fn list(tx: &Tx) -> Result<Vec<Webhook>, StoreError> {
    let sql = format!("{SELECT} where w.deleted_at is null order by w.no");
    tx.query(&sql, &[]).await?.iter().map(from_row).collect()
}

impl Webhook {
    /// What its messages are signed with.
    pub fn secret(&self, master: &MasterKey) -> Result<SecretString, StoreError> {
        sealing::open_webhook(master, self.id, &self.sealed_secret)
    }
}

fn from_row(row: &Row) -> Result<Webhook, StoreError> {
    Ok(Webhook {
        id: WebhookId::from_uuid(row.try_get(0)?),
        url: row.try_get(1)?,
        user_id: row.try_get::<_, Option<_>>(2)?.map(UserId::from_uuid),
        user: row.try_get(3)?,
        created_at: row.try_get(4)?,
        sealed_secret: row.try_get(5)?,
        public_only: row.try_get(6)?,
    })
}
