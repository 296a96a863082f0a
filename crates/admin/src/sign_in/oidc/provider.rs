//! The provider: what it says of itself, its keys, and what it gives for a code.
//!
//! What was read is kept for a while and read anew by itself, so a server needs no provider to start, and none that is away for long is
//! noticed sooner than somebody wants to come in by it.

use std::sync::Arc;

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tollgate_store::management::identities::Vouched;
use url::Url;

use super::ProviderError;
use super::config::{OidcConfig, is_on_this_machine, is_protected};
use super::flow::Flow;
use super::http::{ProviderClient, read, set};
use super::id_token::{self, Email, EmailClaims, Expected, KeySet, Subject, TokenError};

/// For how long what the provider says of itself, and its keys, are taken as they were: a key that it has withdrawn is believed no longer.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(15);
/// How often within [`KEPT_FOR`] its keys are read once more, and what it says of itself, because a token is by none that are known.
const MOST_KEY_SEARCHES: u32 = 10;

/// What a provider says of itself (OpenID Connect Discovery, section 3), as far as it is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What it gives for a code.
#[derive(Debug, Deserialize)]
struct Tokens {
    id_token: SecretString,
    access_token: Option<SecretString>,
}

/// An error of the token endpoint (RFC 6749, section 5.2).
#[derive(Debug, Deserialize)]
struct TokenRefusal {
    error: String,
}

#[derive(Debug, Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    email: EmailClaims,
}

/// What a code was exchanged for.
#[derive(Debug)]
pub(super) struct Redeemed {
    pub(super) subject: String,
    /// `None`: addresses are not trusted.
    email: Option<Email>,
    access_token: Option<SecretString>,
    metadata: Arc<Metadata>,
}

#[derive(Debug)]
struct Kept<T> {
    read_at: Timestamp,
    what: Arc<T>,
}

impl<T> Kept<T> {
    fn still_good(&self, now: Timestamp) -> Option<Arc<T>> {
        (now.duration_since(self.read_at) < KEPT_FOR).then(|| Arc::clone(&self.what))
    }
}

/// The provider that the settings name.
#[derive(Debug)]
pub(crate) struct Provider {
    config: OidcConfig,
    client: ProviderClient,
    metadata: Mutex<Option<Kept<Metadata>>>,
    keys: Mutex<Option<Kept<KeySet>>>,
    /// Since when keys were searched for, and how often.
    searches: Mutex<(Timestamp, u32)>,
}

impl Provider {
    /// Nothing is asked yet.
    pub(crate) fn new(config: OidcConfig) -> Self {
        Self {
            config,
            client: ProviderClient::new(),
            metadata: Mutex::new(None),
            keys: Mutex::new(None),
            searches: Mutex::new((Timestamp::MIN, 0)),
        }
    }

    pub(crate) fn config(&self) -> &OidcConfig {
        &self.config
    }

    /// Where a browser is sent.
    pub(super) async fn authorization_url(
        &self,
        flow: &Flow,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        // A secret that is not there is better known now than when somebody has signed in at the provider.
        self.client_secret().await?;
        let metadata = self.metadata(now).await?;
        let mut url = endpoint(&self.config, &metadata.authorization_endpoint)?;
        let scope = if self.config.link_by_email { "openid email" } else { "openid" };
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", &flow.state())
            .append_pair("nonce", &flow.nonce())
            .append_pair("code_challenge", &flow.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Refuses an answer that another provider sent (RFC 9207).
    pub(super) async fn check_sender(&self, iss: Option<&str>, now: Timestamp) -> Result<(), ProviderError> {
        let is_right = match iss {
            Some(iss) => iss == self.config.issuer,
            None => !self.metadata(now).await?.authorization_response_iss_parameter_supported,
        };
        is_right
            .then_some(())
            .ok_or(ProviderError::Token(TokenError::Invalid("another provider sent the browser back")))
    }

    /// Exchanges a code for whom the provider vouches for.
    pub(super) async fn redeem(
        &self,
        code: &str,
        flow: &Flow,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<Redeemed, ProviderError> {
        let metadata = self.metadata(now).await?;
        let tokens = self.exchange(&metadata, code, flow, redirect_uri).await;
        let tokens = tokens.map_err(|error| self.doubt(error))?;
        let token = tokens.id_token.expose_secret();
        let believed = self.believe(&metadata, token, &flow.nonce(), now).await;
        let Subject { subject, email } = believed.map_err(|error| self.doubt(error))?;
        let email = self.config.link_by_email.then_some(email);
        Ok(Redeemed { subject, email, access_token: tokens.access_token, metadata })
    }

    /// The same, with the address, where addresses are trusted and the token did not say it.
    pub(super) async fn look_up_email(&self, redeemed: Redeemed) -> Result<Redeemed, ProviderError> {
        if redeemed.email != Some(Email::Unsaid) {
            return Ok(redeemed);
        }
        let Redeemed { subject, access_token, metadata, .. } = &redeemed;
        let email = self.email_of(metadata, subject, access_token.as_ref()).await;
        let email = email.map_err(|error| self.doubt(error))?;
        Ok(Redeemed { email: Some(email), ..redeemed })
    }

    /// Whom it vouches for.
    pub(super) fn vouched(&self, redeemed: Redeemed) -> Vouched {
        let email = match redeemed.email {
            Some(Email::Verified(email)) => Some(email),
            _ => None,
        };
        Vouched { issuer: self.config.issuer.clone(), subject: redeemed.subject, email }
    }

    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, ProviderError> {
        if let Some(kept) = self.metadata.lock().as_ref().and_then(|kept| kept.still_good(now)) {
            return Ok(kept);
        }
        self.read_metadata(now).await
    }

    /// What failed may have failed because the provider has moved since: what it says of itself is read anew when it is needed next.
    fn doubt(&self, error: ProviderError) -> ProviderError {
        let is_refusal = matches!(error, ProviderError::Token(_) | ProviderError::CodeRefused);
        if !is_refusal {
            *self.metadata.lock() = None;
        }
        error
    }

    async fn read_metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, ProviderError> {
        let issuer = &self.config.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.client.get(&self.config, &url, None).await?;
        if metadata.issuer != *issuer {
            return Err(ProviderError::Settings(format!(
                "it calls itself {:?}, and `admin.oidc.issuer` is {issuer:?}; write it exactly so",
                metadata.issuer
            )));
        }
        let what = Arc::new(metadata);
        *self.metadata.lock() = Some(Kept { read_at: now, what: Arc::clone(&what) });
        Ok(what)
    }

    async fn read_keys(&self, metadata: &Metadata, now: Timestamp) -> Result<Arc<KeySet>, ProviderError> {
        let url = endpoint(&self.config, &metadata.jwks_uri)?;
        let what: Arc<KeySet> = Arc::new(self.client.get(&self.config, url.as_str(), None).await?);
        *self.keys.lock() = Some(Kept { read_at: now, what: Arc::clone(&what) });
        Ok(what)
    }

    /// Verifies a token by the keys that are known, and where it is by none of them, by those that there are now, at the address where they are now.
    async fn believe(
        &self,
        metadata: &Metadata,
        token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<Subject, ProviderError> {
        let OidcConfig { issuer, client_id, .. } = &self.config;
        let expected = Expected { issuer, client_id, nonce, now };
        let kept = self.keys.lock().as_ref().and_then(|kept| kept.still_good(now));
        if let Some(keys) = kept {
            match id_token::verify(token, &keys, expected) {
                Err(TokenError::UnknownKey | TokenError::WrongSignature) if self.may_search(now) => {}
                judged => return judged.map_err(ProviderError::Token),
            }
            let metadata = self.read_metadata(now).await?;
            let keys = self.read_keys(&metadata, now).await?;
            return id_token::verify(token, &keys, expected).map_err(ProviderError::Token);
        }
        let keys = self.read_keys(metadata, now).await?;
        id_token::verify(token, &keys, expected).map_err(ProviderError::Token)
    }

    fn may_search(&self, now: Timestamp) -> bool {
        let mut searches = self.searches.lock();
        let (since, count) = *searches;
        *searches =
            if now.duration_since(since) < KEPT_FOR { (since, count.saturating_add(1)) } else { (now, 1) };
        searches.1 <= MOST_KEY_SEARCHES
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        flow: &Flow,
        redirect_uri: &str,
    ) -> Result<Tokens, ProviderError> {
        let url = endpoint(&self.config, &metadata.token_endpoint)?;
        let secret = self.client_secret().await?;
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        // Where nothing is said, it is this one (OpenID Connect Discovery, section 3).
        let takes_basic = methods.is_none_or(|of| of.iter().any(|method| method == "client_secret_basic"));
        let id = &self.config.client_id;
        let (authorization, in_form) = match secret {
            Some(secret) if takes_basic => (Some(basic(id, &secret)?), None),
            secret => (None, Some((id, secret))),
        };
        let verifier = flow.verifier();
        let form = {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "authorization_code")
                .append_pair("code", code)
                .append_pair("redirect_uri", redirect_uri)
                .append_pair("code_verifier", verifier.expose_secret());
            if let Some((id, secret)) = &in_form {
                form.append_pair("client_id", id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret.expose_secret());
                }
            }
            form.finish()
        };
        let (status, body) = self.client.post_form(&self.config, url.as_str(), authorization, form).await?;
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|_| ProviderError::Unreadable),
            status => Err(refusal(status, &body)),
        }
    }

    /// What the provider says of an address beside the token (OpenID Connect Core, section 5.3): some say it nowhere else.
    async fn email_of(
        &self,
        metadata: &Metadata,
        subject: &str,
        access_token: Option<&SecretString>,
    ) -> Result<Email, ProviderError> {
        let Some((url, token)) = metadata.userinfo_endpoint.as_deref().zip(access_token) else {
            return Ok(Email::Unsaid);
        };
        let url = endpoint(&self.config, url)?;
        let authorization = sensitive(format!("Bearer {}", token.expose_secret()))?;
        let said: UserInfo = self.client.get(&self.config, url.as_str(), Some(authorization)).await?;
        if said.sub != subject {
            return Err(ProviderError::Token(TokenError::Invalid(
                "what is said beside it is of another subject",
            )));
        }
        Ok(said.email.into())
    }

    async fn client_secret(&self) -> Result<Option<SecretString>, ProviderError> {
        let Some(file) = set(self.config.client_secret_file.as_deref()) else { return Ok(None) };
        let text = read(file, "admin.oidc.client_secret_file").await?;
        let secret = text.trim();
        if secret.is_empty() {
            return Err(ProviderError::Settings(format!(
                "`admin.oidc.client_secret_file` {} is empty",
                file.display()
            )));
        }
        Ok(Some(SecretString::from(secret)))
    }
}

/// An address that the provider named, if something secret may be sent there: as protected as the issuer itself.
fn endpoint(config: &OidcConfig, url: &str) -> Result<Url, ProviderError> {
    let may_be_plain = Url::parse(&config.issuer).is_ok_and(|issuer| is_on_this_machine(&issuer));
    let url = Url::parse(url).ok();
    url.filter(|url| is_protected(url) || (may_be_plain && is_on_this_machine(url))).ok_or_else(|| {
        ProviderError::Settings("one of the addresses that it says of itself is no https URL".to_owned())
    })
}

fn refusal(status: StatusCode, body: &Bytes) -> ProviderError {
    match serde_json::from_slice::<TokenRefusal>(body) {
        Ok(TokenRefusal { error }) if status.is_client_error() && error == "invalid_grant" => {
            ProviderError::CodeRefused
        }
        Ok(TokenRefusal { error }) if status.is_client_error() => {
            ProviderError::Settings(format!("it refuses to exchange a code: {error:?}"))
        }
        _ => ProviderError::Answered(status),
    }
}

/// RFC 6749, section 2.3.1: both are encoded as forms are.
fn basic(id: &str, secret: &SecretString) -> Result<HeaderValue, ProviderError> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encoded(id), encoded(secret.expose_secret()));
    sensitive(format!("Basic {}", STANDARD.encode(both)))
}

fn sensitive(text: String) -> Result<HeaderValue, ProviderError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| ProviderError::Unreadable)?;
    value.set_sensitive(true);
    Ok(value)
}
