//! The configuration as the request path needs it: every question is one look-up.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::SecretString;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, EndpointId, KeyDigest, ModelId, Tariff, UserId};

use super::target::{BaseUrl, PathPattern, Target};
use crate::limit::{Limits, Subject};
use crate::route::Route;
use crate::wire::Surface;

/// The whole configuration, as whoever owns the database read it. Rows that are deleted are not in it.
#[derive(Debug, Default)]
pub struct Config {
    /// API keys. A revoked one may be listed: it is as unknown as one that is not.
    pub keys: Vec<KeyEntry>,
    /// Deployed models.
    pub models: Vec<ModelEntry>,
    /// Upstreams.
    pub endpoints: Vec<EndpointEntry>,
    /// All versions of all tariffs, expired and future ones included.
    pub tariffs: Vec<Tariff>,
    /// The limits of those keys, users and models that have any.
    pub limits: Vec<(Subject, Limits)>,
}

/// An API key.
#[derive(Debug, Clone)]
pub struct KeyEntry {
    /// Identifies it in the books.
    pub id: ApiKeyId,
    /// Digest of the secret.
    pub digest: KeyDigest,
    /// Who pays.
    pub user: UserId,
    /// What it is for.
    pub purpose: ApiKeyPurpose,
    /// Whether its batch metadata headers count.
    pub trusted: bool,
    /// Whether it has been revoked.
    pub revoked: bool,
    /// When it ends because another key has taken its place: from then on it is as unknown as a revoked one, whether or not anybody
    /// has said so since.
    pub revoke_at: Option<Timestamp>,
    /// What becomes of its owner's streams that outgrow the money.
    pub when_spent: WhenSpent,
}

/// What becomes of a stream that has used up what it holds, and cannot hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenSpent {
    /// It goes on to its end; what it costs beyond its hold overdraws the account.
    #[default]
    Finish,
    /// It is cut off after the last whole frame, with an error in the shape of its API, and charged for what came.
    Cut,
}

/// A deployed model.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// Identifies it in the books.
    pub id: ModelId,
    /// What clients call it.
    pub alias: String,
    /// Where it runs.
    pub endpoint: EndpointId,
    /// What the upstream calls it.
    pub upstream_model: String,
    /// When it was deployed.
    pub created_at: Timestamp,
}

/// An upstream.
#[derive(Debug, Clone)]
pub struct EndpointEntry {
    /// Identifies it.
    pub id: EndpointId,
    /// Unique; decides between endpoints that list the same path.
    pub name: String,
    /// Such as `https://api.openai.com/v1`; may have a path prefix.
    pub base_url: String,
    /// Who runs it.
    pub provider_name: Option<String>,
    /// How it wants its credential.
    pub auth_style: AuthStyle,
    /// Its credential, unsealed.
    pub secret: Option<SecretString>,
    /// Whether usage is asked for in streams where the client did not.
    pub inject_usage: bool,
    /// What happens to a response whose client went away.
    pub on_disconnect: OnDisconnect,
    /// What happens to a 2xx without usage.
    pub on_missing_usage: OnMissingUsage,
    /// Route template → path template of this upstream.
    pub path_templates: BTreeMap<String, String>,
    /// Further paths that are passed through; a `{name}` stands for one segment, a last `*` for any rest.
    pub pass_through_paths: Vec<String>,
    /// It is connected to by addresses of the public internet and of [`allowed_networks`](crate::GatewayConfig::allowed_networks) alone:
    /// who set its URL may not name others.
    pub public_only: bool,
}

/// How an upstream wants its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthStyle {
    /// `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// `x-api-key` (Anthropic).
    XApiKey,
    /// `api-key` (Azure).
    ApiKey,
    /// `x-goog-api-key` (Gemini).
    XGoogApiKey,
    /// None.
    None,
}

/// The text is no way to pass a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no auth style; one of bearer, x-api-key, api-key, x-goog-api-key, none")]
pub struct UnknownAuthStyle(String);

impl AuthStyle {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bearer, Self::XApiKey, Self::ApiKey, Self::XGoogApiKey, Self::None];

    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for AuthStyle {
    type Err = UnknownAuthStyle;

    fn from_str(text: &str) -> Result<Self, UnknownAuthStyle> {
        let found = Self::ALL.into_iter().find(|style| style.as_str() == text);
        found.ok_or_else(|| UnknownAuthStyle(text.to_owned()))
    }
}

/// What happens upstream when a client goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDisconnect {
    /// It is read on to its usage, within bounds, and charged.
    #[default]
    Drain,
    /// It is cut off and estimated.
    Cancel,
}

/// What happens to a successful response without usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissingUsage {
    /// The tokens are counted with a tokenizer, and the record says so.
    #[default]
    Estimate,
    /// It stays unrated.
    Unrated,
}

/// Something in a [`Config`] that cannot be used and was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// Its address cannot be read.
    #[error("endpoint `{name}`: {reason}")]
    BadEndpoint {
        /// Of the endpoint.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Its endpoint is deleted or was left out itself.
    #[error("model `{alias}`: its endpoint is not usable")]
    NoEndpoint {
        /// Of the model.
        alias: String,
    },
}

/// An upstream, ready to be called.
#[derive(Debug)]
pub struct LiveEndpoint {
    pub(crate) entry: EndpointEntry,
    pub(crate) base: BaseUrl,
    /// The credential's header; marked sensitive.
    pub(crate) auth: Option<(http::HeaderName, HeaderValue)>,
    patterns: Vec<PathPattern>,
}

impl LiveEndpoint {
    /// The template of a path that this endpoint passes through.
    pub(crate) fn pass_through_template(&self, path: &str) -> Option<&str> {
        self.patterns.iter().find(|pattern| pattern.matches(path)).map(PathPattern::as_str)
    }
}

/// A model with all that its requests need.
#[derive(Debug)]
pub struct LiveModel {
    pub(crate) entry: ModelEntry,
    pub(crate) endpoint: Arc<LiveEndpoint>,
    pub(crate) tariffs: Vec<Tariff>,
}

/// One state of the configuration. Immutable.
#[derive(Debug, Default)]
pub struct Snapshot {
    keys: HashMap<KeyDigest, Arc<KeyEntry>>,
    models: HashMap<String, Arc<LiveModel>>,
    models_by_id: HashMap<ModelId, Arc<LiveModel>>,
    /// In the order of their aliases.
    listed: Vec<Arc<LiveModel>>,
    /// In the order of their names.
    endpoints: Vec<Arc<LiveEndpoint>>,
    limits: HashMap<Subject, Limits>,
}

impl Snapshot {
    pub(super) fn build(config: Config) -> (Self, Vec<ConfigProblem>) {
        let mut snapshot = Self::default();
        let mut problems = Vec::new();
        for key in config.keys.into_iter().filter(|key| !key.revoked) {
            snapshot.keys.insert(key.digest, Arc::new(key));
        }
        snapshot.limits = config.limits.into_iter().collect();
        let mut endpoints = HashMap::new();
        for entry in config.endpoints {
            let (id, name) = (entry.id, entry.name.clone());
            match LiveEndpoint::build(entry) {
                Ok(endpoint) => {
                    endpoints.insert(id, Arc::new(endpoint));
                }
                Err(reason) => problems.push(ConfigProblem::BadEndpoint { name, reason }),
            }
        }
        let mut tariffs: HashMap<ModelId, Vec<Tariff>> = HashMap::new();
        for tariff in config.tariffs {
            tariffs.entry(tariff.model).or_default().push(tariff);
        }
        for entry in config.models {
            let Some(endpoint) = endpoints.get(&entry.endpoint).cloned() else {
                problems.push(ConfigProblem::NoEndpoint { alias: entry.alias });
                continue;
            };
            let tariffs = tariffs.remove(&entry.id).unwrap_or_default();
            let model = Arc::new(LiveModel { entry, endpoint, tariffs });
            snapshot.models.insert(model.entry.alias.clone(), Arc::clone(&model));
            snapshot.models_by_id.insert(model.entry.id, Arc::clone(&model));
            snapshot.listed.push(model);
        }
        snapshot.listed.sort_by(|left, right| left.entry.alias.cmp(&right.entry.alias));
        snapshot.endpoints = endpoints.into_values().collect();
        snapshot.endpoints.sort_by(|left, right| left.entry.name.cmp(&right.entry.name));
        (snapshot, problems)
    }

    /// The key with this digest that is live at this instant.
    pub fn key(&self, digest: &KeyDigest, at: Timestamp) -> Option<&Arc<KeyEntry>> {
        self.keys.get(digest).filter(|key| key.revoke_at.is_none_or(|end| at < end))
    }

    /// The live model that clients call `alias`.
    pub fn model(&self, alias: &str) -> Option<&Arc<LiveModel>> {
        self.models.get(alias)
    }

    pub(crate) fn model_by_id(&self, id: ModelId) -> Option<&Arc<LiveModel>> {
        self.models_by_id.get(&id)
    }

    /// Whether anybody has limits.
    pub(crate) fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// The limits of a key, a user or a model, where it has any.
    pub(crate) fn limits(&self, subject: Subject) -> Option<&Limits> {
        self.limits.get(&subject)
    }

    /// All live models, in the order of their aliases.
    pub(crate) fn models(&self) -> &[Arc<LiveModel>] {
        &self.listed
    }

    /// The endpoints that pass `path` through, first by name, each with the template it lists.
    pub(crate) fn passing<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<LiveEndpoint>, &'a str)> {
        self.endpoints
            .iter()
            .filter_map(move |endpoint| Some((endpoint, endpoint.pass_through_template(path)?)))
    }
}

impl EndpointEntry {
    /// Whether a gateway can use it as it is meant; an error says what to mend. More is asked here than of what is stored already:
    /// a template or a path that would never be used is a slip.
    pub fn check(&self) -> Result<(), String> {
        let routes =
            || Surface::ALL.into_iter().filter(|surface| surface.is_metered()).map(Surface::route_template);
        for path in &self.pass_through_paths {
            if !matches!(Route::of(path, &HeaderMap::new()), Route::Other) {
                return Err(format!("`{path}` is served already; only other paths are passed through"));
            }
        }
        let endpoint = LiveEndpoint::build(self.clone())?;
        for route in self.path_templates.keys() {
            if !routes().any(|known| known == route) && !self.pass_through_paths.contains(route) {
                let known: Vec<&str> = routes().collect();
                return Err(format!(
                    "`{route}` is no route that a path template can be for; they are {}, and the paths that the endpoint passes \
                     through",
                    known.join(", ")
                ));
            }
            let target = Target {
                endpoint: &endpoint,
                route_template: route,
                path: "/",
                query: None,
                upstream_model: Some("m"),
            };
            target.uri()?;
        }
        Ok(())
    }
}

impl LiveEndpoint {
    pub(crate) fn build(entry: EndpointEntry) -> Result<Self, String> {
        let base = BaseUrl::parse(&entry.base_url)?;
        let auth = auth_header(entry.auth_style, entry.secret.as_ref())?;
        for (route, template) in &entry.path_templates {
            if !template.starts_with('/') {
                return Err(format!("the path template of `{route}` must start with `/`"));
            }
        }
        let patterns = entry.pass_through_paths.iter().map(|path| PathPattern::parse(path));
        let patterns = patterns.collect::<Result<_, String>>()?;
        Ok(Self { entry, base, auth, patterns })
    }
}

fn auth_header(
    style: AuthStyle,
    secret: Option<&SecretString>,
) -> Result<Option<(http::HeaderName, HeaderValue)>, String> {
    use secrecy::ExposeSecret;

    let Some(secret) = secret.map(ExposeSecret::expose_secret) else { return Ok(None) };
    let (name, text) = match style {
        AuthStyle::None => return Ok(None),
        AuthStyle::Bearer => (http::header::AUTHORIZATION, format!("Bearer {secret}")),
        AuthStyle::XApiKey => (http::HeaderName::from_static("x-api-key"), secret.to_owned()),
        AuthStyle::ApiKey => (http::HeaderName::from_static("api-key"), secret.to_owned()),
        AuthStyle::XGoogApiKey => (http::HeaderName::from_static("x-goog-api-key"), secret.to_owned()),
    };
    // The error would name the byte: say nothing of a secret.
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        "its API key has characters that no header can carry; is there a line break in it?".to_owned()
    })?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}
