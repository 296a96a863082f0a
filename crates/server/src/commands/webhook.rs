//! `tollgate webhook`: who is told what becomes of balances.

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tollgate_admin::new_webhook_secret;
use tollgate_domain::{Clock, Credits, WebhookId};
use tollgate_store::{
    Tx, users,
    webhook_deliveries::{self, DeliveryFilter},
    webhooks::{self, NewWebhook},
};

use super::{ACTOR, Session};
use crate::{
    cli::webhook::{WebhookAddArgs, WebhookCommand},
    output::{Answer, Column, NONE, or_none, table},
    webhook::{AWAKE_SECONDS, Message, SigningKey, Target, WebhookClient, parse_url},
};

pub(super) async fn answer(session: &Session, command: WebhookCommand) -> anyhow::Result<Answer> {
    match command {
        WebhookCommand::Add(args) => add(session, args).await,
        WebhookCommand::List => list(session).await,
        WebhookCommand::Remove { id } => remove(session, id).await,
        WebhookCommand::LowBalance { user, credits, off: _ } => low_balance(session, &user, credits).await,
        WebhookCommand::Deliveries { undelivered, limit } => deliveries(session, undelivered, limit).await,
        WebhookCommand::Test { id } => test(session, id).await,
    }
}

async fn add(session: &Session, args: WebhookAddArgs) -> anyhow::Result<Answer> {
    let WebhookAddArgs { url, user, secret_env } = args;
    parse_url(&url)?;
    let secret = match secret_env {
        Some(variable) => SecretString::from(
            std::env::var(&variable).with_context(|| format!("the environment variable {variable}"))?,
        ),
        None => new_webhook_secret(),
    };
    SigningKey::parse(&secret)?;
    let master = session.master_key().await?;
    // Who has this machine may name any address.
    let new = NewWebhook { url, user, secret, public_only: false };
    let add = async |tx: Tx| webhooks::create(&tx, &master, &new, ACTOR).await;
    let webhook = session.store.tx("add_webhook", add).await?;
    let secret = new.secret.expose_secret();
    let mut json = json!(webhook);
    if let Some(object) = json.as_object_mut() {
        object.insert("secret".to_owned(), json!(secret));
    }
    let text = format!(
        "{secret}\n\nThis is the secret that messages to {} are signed with. Keep it: it is shown this once. Id {}.",
        webhook.url, webhook.id
    );
    Answer::new(&json, text)
}

async fn list(session: &Session) -> anyhow::Result<Answer> {
    let webhooks = session.store.tx("list_webhooks", async |tx| webhooks::list(&tx).await).await?;
    let columns = [Column::Text("URL"), Column::Text("USER"), Column::Text("SINCE"), Column::Text("ID")];
    let rows = webhooks.iter().map(|webhook| {
        vec![
            webhook.url.clone(),
            webhook.user.clone().unwrap_or_else(|| "all".to_owned()),
            format!("{:.0}", webhook.created_at),
            webhook.id.to_string(),
        ]
    });
    let text = table(&columns, rows, "No webhook yet: tollgate webhook add URL");
    Answer::new(&webhooks, text)
}

async fn remove(session: &Session, id: WebhookId) -> anyhow::Result<Answer> {
    let remove = async |tx: Tx| webhooks::remove(&tx, id, ACTOR).await;
    let webhook = session.store.tx("remove_webhook", remove).await?;
    let text = format!("Removed the webhook to {}.", webhook.url);
    Answer::new(&webhook, text)
}

async fn low_balance(session: &Session, user: &str, credits: Option<Credits>) -> anyhow::Result<Answer> {
    let set = async |tx: Tx| users::set_low_balance(&tx, user, credits, ACTOR).await;
    let user = session.store.tx("set_low_balance", set).await?.name;
    let text = match credits {
        Some(credits) => format!("Webhooks are told when the balance of {user} falls to {credits} credits."),
        None => format!("Webhooks are told of no low balance of {user}."),
    };
    Answer::new(&json!({ "user": user, "low_balance": credits }), text)
}

async fn deliveries(session: &Session, undelivered: bool, limit: u32) -> anyhow::Result<Answer> {
    let filter = DeliveryFilter { undelivered, ..DeliveryFilter::default() };
    let read = async |tx: Tx| webhook_deliveries::list(&tx, &filter, limit.into()).await;
    let deliveries = session.store.tx("list_webhook_deliveries", read).await?;
    let columns = [
        Column::Text("TIME"),
        Column::Text("TYPE"),
        Column::Text("USER"),
        Column::Number("BALANCE"),
        Column::Text("STATE"),
        Column::Number("ATTEMPTS"),
        Column::Text("NEXT"),
        Column::Text("LAST ERROR"),
        Column::Text("URL"),
    ];
    let rows = deliveries.iter().map(|delivery| {
        vec![
            format!("{:.0}", delivery.created_at),
            delivery.kind.clone(),
            delivery.user.clone(),
            delivery.balance.to_string(),
            delivery.state.clone(),
            delivery.attempts.to_string(),
            or_none(delivery.next_attempt_at.map(|at| format!("{at:.0}"))),
            delivery.last_error.clone().unwrap_or_else(|| NONE.to_owned()),
            delivery.url.clone(),
        ]
    });
    let text = table(&columns, rows, "Nothing was to be delivered.");
    Answer::new(&deliveries, text)
}

async fn test(session: &Session, id: WebhookId) -> anyhow::Result<Answer> {
    let master = session.master_key().await?;
    let webhook = session.store.tx("find_webhook", async |tx| webhooks::find(&tx, id).await).await?;
    let key = SigningKey::parse(&webhook.secret(&master)?)?;
    let now = session.clock.now();
    let message = Message::test(now);
    let to = Target { url: webhook.url.clone(), public_only: webhook.public_only };
    let client = WebhookClient::new(&session.config().admin.allowed_networks)?;
    let sent = client.send(&to, &message, &key, now).await;
    if sent.error.is_none() {
        let wake = async |tx: Tx| webhook_deliveries::wake(&tx, id, AWAKE_SECONDS).await;
        session.store.tx("wake_webhook", wake).await?;
    }
    let json = json!({
        "message_id": message.id,
        "url": webhook.url,
        "delivered": sent.error.is_none(),
        "status": sent.status.map(|status| status.as_u16()),
        "error": sent.error,
    });
    let text = match &sent.error {
        None => format!("{} took message {}.", webhook.url, message.id),
        Some(error) => format!("{} did not take message {}: {error}.", webhook.url, message.id),
    };
    Ok(Answer::new(&json, text)?.finding(sent.error.is_some()))
}
