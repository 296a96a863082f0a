//! What the management API, which knows no gateway and sends nothing, asks of the server around it: how the gateway stands, read from the metrics that
//! everybody else reads; whether endpoints answer; whether webhooks take a message.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use jiff::Timestamp;
use prometheus_client::encoding::text;
use tollgate_admin::{
    AuditStatus, EndpointChecked, EndpointState, GatewayProbe, GatewayStatus, UpstreamCheck, WebhookToTry,
    WebhookTried, WebhookTry,
};
use tollgate_domain::Clock;
use tollgate_gateway::{Gateway, UpstreamState};
use tollgate_store::{Store, Tx, snapshot::ConfigEndpoint, webhook_deliveries};

use super::health::Operations;
use super::refresher;
use crate::webhook::{AWAKE_SECONDS, Message, Sent, SigningKey, Target, WebhookClient};

/// Answers how the gateway that listens there stands, whenever it is asked.
pub(super) fn gateway(address: SocketAddr, operations: Operations) -> GatewayProbe {
    Arc::new(move || status(address, &operations))
}

/// Asks endpoints through the gateway's own clients, and so past its guard.
pub(super) fn upstreams(gateway: Gateway) -> UpstreamCheck {
    Arc::new(move |endpoint: ConfigEndpoint| {
        let gateway = gateway.clone();
        Box::pin(async move {
            let found = gateway.check_upstream(refresher::endpoint(endpoint)).await;
            EndpointChecked {
                state: match found.state {
                    UpstreamState::Well => EndpointState::Well,
                    UpstreamState::CredentialRefused => EndpointState::CredentialRefused,
                    UpstreamState::NoList => EndpointState::NoList,
                    UpstreamState::Failing => EndpointState::Failing,
                    UpstreamState::AddressRefused => EndpointState::AddressRefused,
                    UpstreamState::UnknownName => EndpointState::UnknownName,
                    UpstreamState::Unreachable => EndpointState::Unreachable,
                    UpstreamState::TlsFailed => EndpointState::TlsFailed,
                    UpstreamState::TimedOut => EndpointState::TimedOut,
                    UpstreamState::Unusable => EndpointState::Unusable,
                },
                asked: found.asked,
                status: found.status,
                latency_ms: u64::try_from(found.latency.as_millis()).unwrap_or(u64::MAX),
                models: found.models.and_then(|models| models.try_into().ok()),
                said: found.said,
            }
        })
    })
}

/// Sends webhooks a message that says nothing; to one that takes it goes what waits for its return.
pub(super) fn webhooks(client: WebhookClient, store: Store, clock: Arc<dyn Clock>) -> WebhookTry {
    Arc::new(move |webhook: WebhookToTry| {
        let (client, store, clock) = (client.clone(), store.clone(), Arc::clone(&clock));
        Box::pin(async move {
            let now = clock.now();
            let message = Message::test(now);
            let to = Target { url: webhook.url, public_only: webhook.public_only };
            let sent = match SigningKey::parse(&webhook.secret) {
                Ok(key) => client.send(&to, &message, &key, now).await,
                Err(error) => Sent { status: None, error: Some(error.to_string()) },
            };
            if sent.error.is_none() {
                let wake = async |tx: Tx| webhook_deliveries::wake(&tx, webhook.id, AWAKE_SECONDS).await;
                if let Err(error) = store.tx("wake_webhook", wake).await {
                    tracing::warn!(%error, "what waits for a webhook that is back could not be hastened");
                }
            }
            let status = sent.status.map(|status| status.as_u16());
            WebhookTried { message_id: message.id, status, error: sent.error }
        })
    })
}

fn status(address: SocketAddr, operations: &Operations) -> GatewayStatus {
    let mut metrics = String::new();
    if let Err(error) = text::encode(&mut metrics, &operations.registry) {
        tracing::error!(%error, "the metrics could not be written");
    }
    let sums = sums(&metrics);
    let of = |name: &str| sums.get(name).copied().unwrap_or_default();
    let readiness = operations.readiness();
    GatewayStatus {
        address: address.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        is_ready: readiness.is_ready(),
        snapshot_age_ms: readiness.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        ended_requests: whole(of("tollgate_gateway_requests_total")),
        in_flight_requests: whole(of("tollgate_gateway_in_flight")),
        waiting_records: whole(of("tollgate_spool_waiting_records")),
        lag_seconds: of("tollgate_spool_oldest_waiting_seconds"),
        spool_used_bytes: whole(of("tollgate_spool_used_bytes")),
        spool_limit_bytes: whole(of("tollgate_spool_limit_bytes")),
        spool_is_sound: readiness.spool.is_sound,
        audit: audit(&sums),
    }
}

/// What the running audit says of itself, where there is one.
fn audit(sums: &HashMap<&str, f64>) -> Option<AuditStatus> {
    let seconds = sums.get("tollgate_audit_last_success_timestamp_seconds").copied()?;
    let of = |name: &str| whole(sums.get(name).copied().unwrap_or_default());
    let last = i64::try_from(whole(seconds)).ok().filter(|seconds| *seconds > 0);
    Some(AuditStatus {
        checked_records: of("tollgate_audit_records_total"),
        differences: of("tollgate_audit_differences"),
        last_right_at: last.and_then(|seconds| Timestamp::from_second(seconds).ok()),
    })
}

/// The value of each metric, summed over its labels. Histograms come as their parts, which nobody here asks for.
fn sums(metrics: &str) -> HashMap<&str, f64> {
    let mut sums = HashMap::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let name = series.split('{').next().unwrap_or(series);
        let Ok(value) = value.parse::<f64>() else { continue };
        *sums.entry(name).or_insert(0.0) += value;
    }
    sums
}

/// A count, which Prometheus writes as a float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded before")]
fn whole(value: f64) -> u64 {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    value.clamp(0.0, LARGEST_EXACT) as u64
}

#[cfg(test)]
mod tests;
