//! Messages to webhooks: what they say, how they are signed, how they are sent.
//!
//! Guarantees: a message is the same, byte for byte, in every attempt, and its id with it; the signature is of the attempt's own
//! time. Only `http` and `https` are spoken, and redirects are not followed. A webhook that was set through the management API is connected to by
//! public addresses and those of opened networks alone, as an endpoint is. One that the command line set may lead anywhere.

mod client;
mod sign;

use serde_json::json;
use tollgate_store::webhook_deliveries::{Claimed, Event, message_id};
use uuid::Uuid;

pub(crate) use client::{Sent, Target, WebhookClient, parse_url};
pub(crate) use sign::SigningKey;

/// When a webhook has taken a message, what waits for its return is tried within so many seconds: soon, and yet, where it takes some messages
/// and never others, these are not tried with each of those.
pub(crate) const AWAKE_SECONDS: f64 = 10.0;

/// A message, ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// `webhook-id`.
    pub(crate) id: String,
    /// JSON.
    pub(crate) body: String,
}

impl Message {
    /// What a delivery says.
    pub(crate) fn of(claimed: &Claimed) -> Self {
        let Event { kind, at, user_id, user, balance_before, balance, low_balance } = &claimed.event;
        let body = json!({
            "type": kind,
            "timestamp": at,
            "data": {
                "user_id": user_id,
                "user": user,
                "balance": balance,
                "balance_before": balance_before,
                "low_balance": low_balance,
            },
        });
        Self { id: message_id(claimed.message_id), body: body.to_string() }
    }

    /// One that says nothing, to try a webhook with.
    pub(crate) fn test(at: jiff::Timestamp) -> Self {
        let body = json!({ "type": "webhook.test", "timestamp": at, "data": {} });
        Self { id: message_id(Uuid::now_v7()), body: body.to_string() }
    }
}
