//! Sends messages, each once; whether to try again is for the caller.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;

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
pub(crate) struct WebhookClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl WebhookClient {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
            .context("TLS for webhooks could not be set up")?
            .https_or_http()
            .enable_http1()
            .build();
        // A message that is sent anew is another attempt, with another signature.
        Ok(Self(Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector)))
    }

    /// Sends a message, signed at `at`. Whatever is not a 2xx is a failure, a redirect too.
    pub(crate) async fn send(&self, url: &str, message: &Message, key: &SigningKey, at: Timestamp) -> Sent {
        let request = match request(url, message, key, at) {
            Ok(request) => request,
            Err(error) => return Sent::failed(format!("{error:#}")),
        };
        match tokio::time::timeout(ATTEMPT_TIMEOUT, self.0.request(request)).await {
            Ok(Ok(response)) => {
                let status = response.status();
                let error = (!status.is_success()).then(|| format!("it answered {status}"));
                Sent { status: Some(status), error }
            }
            Ok(Err(error)) if error.is_connect() => Sent::failed("it could not be connected to".to_owned()),
            Ok(Err(_)) => Sent::failed("the connection broke before it answered".to_owned()),
            Err(_elapsed) => Sent::failed(format!("it did not answer in {ATTEMPT_TIMEOUT:?}")),
        }
    }
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
