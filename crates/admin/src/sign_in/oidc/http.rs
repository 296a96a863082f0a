//! Asking the provider. Answers are bounded in time and size, and a redirect is no answer: where the provider is, is the operator's to
//! say, and what it says of itself is taken at its word only over TLS, or on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use tokio::sync::{OnceCell, Semaphore};

use super::ProviderError;
use super::config::OidcConfig;

/// How long one answer may take, connecting included: somebody looks at a blank page meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer: a set of keys with certificates is a tenth of it.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Most questions at once, so that a provider that does not answer does not take all connections of the management API.
const QUESTIONS_AT_ONCE: usize = 16;

type Connector = HttpsConnector<HttpConnector>;

/// The client of one provider.
#[derive(Debug)]
pub(super) struct ProviderClient {
    client: OnceCell<Client<Connector, Full<Bytes>>>,
    turns: Semaphore,
}

impl ProviderClient {
    pub(super) fn new() -> Self {
        Self { client: OnceCell::new(), turns: Semaphore::new(QUESTIONS_AT_ONCE) }
    }

    /// Reads a document.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        config: &OidcConfig,
        url: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<T, ProviderError> {
        let headers = authorization.map(|value| (header::AUTHORIZATION, value));
        let (status, body) =
            self.ask(config, Method::GET, url, headers.into_iter().collect(), Bytes::new()).await?;
        if status != StatusCode::OK {
            return Err(ProviderError::Answered(status));
        }
        serde_json::from_slice(&body).map_err(|_| ProviderError::Unreadable)
    }

    /// Sends a form.
    pub(super) async fn post_form(
        &self,
        config: &OidcConfig,
        url: &str,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        self.ask(config, Method::POST, url, headers, Bytes::from(form)).await
    }

    async fn ask(
        &self,
        config: &OidcConfig,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let client = self.client.get_or_try_init(async || client(config).await).await?;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request = request
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|_| ProviderError::Unreadable)?;
        let asked = async {
            let _turn = self.turns.acquire().await.map_err(|_| ProviderError::Unreachable)?;
            let answer = client.request(request).await.map_err(|error| {
                tracing::debug!(%error, "the OpenID provider could not be asked");
                ProviderError::Unreachable
            })?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| ProviderError::TooLarge)?.to_bytes();
            Ok((head.status, body))
        };
        tokio::time::timeout(ANSWER_TIMEOUT, asked).await.unwrap_or(Err(ProviderError::Slow))
    }
}

async fn client(config: &OidcConfig) -> Result<Client<Connector, Full<Bytes>>, ProviderError> {
    let broken = |error: &dyn std::fmt::Display| ProviderError::Settings(format!("TLS to it: {error}"));
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = set(config.ca_file.as_deref()) {
        let pem = read(file, "admin.oidc.ca_file").await?;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let added = certificate.map_err(|error| error.to_string());
            let added = added.and_then(|found| roots.add(found).map_err(|error| error.to_string()));
            added.map_err(|error| broken(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Whether `http` is allowed is judged by URL, before anything is asked there.
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// A path that was written: an empty one is none.
pub(super) fn set(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}

/// A file that the settings name; `key` says where.
pub(super) async fn read(file: &Path, key: &str) -> Result<String, ProviderError> {
    let read = tokio::fs::read_to_string(file).await;
    read.map_err(|error| ProviderError::Settings(format!("`{key}` {}: {error}", file.display())))
}
