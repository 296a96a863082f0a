//! Sends messages, each once; whether to try again is for the caller.

use std::{error::Error, io, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jiff::Timestamp;
use tollgate_domain::{AddressRefused, AllowedNetworks};
use tollgate_gateway::TimedConnector;

use super::{Message, SigningKey};

/// How long a receiver may take to answer, connecting included. The specification recommends 15 to 30 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Of the answer, where there was one.
    pub(crate) status: Option<StatusCode>,
    /// What was wrong; `None`: the receiver has it.
    pub(crate) error: Option<String>,
}

impl Sent {
    const fn failed(error: String) -> Self {
        Self { status: None, error: Some(error) }
    }
}

/// A client for all webhooks.
#[derive(Debug, Clone)]
pub(crate) struct WebhookClient {
    anywhere: OneClient,
    /// For those that are public only. Apart from the other, so that no connection of theirs is used that was made without a guard.
    guarded: OneClient,
}

type OneClient = Client<TimedConnector, Full<Bytes>>;

impl WebhookClient {
    /// `allowed` are the networks that webhooks which are public only may lead to beside the internet.
    pub(crate) fn new(allowed: &AllowedNetworks) -> anyhow::Result<Self> {
        let client = |only| {
            let connector = TimedConnector::for_messages(ATTEMPT_TIMEOUT, only)
                .context("TLS for webhooks could not be set up")?;
            // A message that is sent anew is another attempt, with another signature.
            anyhow::Ok(Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector))
        };
        Ok(Self { anywhere: client(None)?, guarded: client(Some(allowed.clone()))? })
    }

    /// Sends a message, signed at `at`. Whatever is not a 2xx is a failure, a redirect too.
    pub(crate) async fn send(&self, to: &Target, message: &Message, key: &SigningKey, at: Timestamp) -> Sent {
        let request = match request(&to.url, message, key, at) {
            Ok(request) => request,
            Err(error) => return Sent::failed(format!("{error:#}")),
        };
        let client = if to.public_only { &self.guarded } else { &self.anywhere };
        match tokio::time::timeout(ATTEMPT_TIMEOUT, client.request(request)).await {
            Ok(Ok(response)) => {
                let status = response.status();
                let error = (!status.is_success()).then(|| format!("it answered {status}"));
                Sent { status: Some(status), error }
            }
            Ok(Err(error)) if is_refused(&error) => Sent::failed(
                "it leads to an address that is not of the public internet, and was not connected to; if that is meant, open its network in \
                 `admin.allowed_networks`, or add it on the server's command line"
                    .to_owned(),
            ),
            Ok(Err(error)) if error.is_connect() => Sent::failed("it could not be connected to".to_owned()),
            Ok(Err(_)) => Sent::failed("the connection broke before it answered".to_owned()),
            Err(_elapsed) => Sent::failed(format!("it did not answer in {ATTEMPT_TIMEOUT:?}")),
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// To public addresses and opened networks alone.
    pub(crate) public_only: bool,
}

/// Whether the guard did not let it connect, which lies at the bottom of what is said.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<AddressRefused>() {
            return true;
        }
        // An `io::Error` passes over what it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    false
}

fn request(
    url: &str,
    message: &Message,
    key: &SigningKey,
    at: Timestamp,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let timestamp = at.as_second();
    let request = Request::post(parse_url(url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", key.sign(&message.id, timestamp, &message.body));
    Ok(request.body(Full::from(message.body.clone()))?)
}

/// The address of a webhook; an error says what it must look like.
pub(crate) fn parse_url(url: &str) -> anyhow::Result<Uri> {
    let uri: Uri =
        url.parse().with_context(|| format!("`{url}` is no URL; write it like https://example.com/hooks"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        bail!("`{url}` is no address of a webhook: write it like https://example.com/hooks");
    }
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            bail!("a webhook's URL holds no user name or password: its messages are signed")
        }
        Some(authority) if !authority.host().is_empty() => Ok(uri),
        _ => bail!("`{url}` names no host"),
    }
}

#[cfg(test)]
mod tests;
