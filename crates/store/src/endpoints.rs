//! `inference_endpoints`: the upstreams, their credentials sealed.

use std::collections::BTreeMap;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{EndpointId, MasterKey};

use crate::text::{check_name, check_text};
use crate::{StoreError, Tx, audit_log, sealing};

/// How an upstream wants its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthStyle {
    /// `Authorization: Bearer …` (OpenAI and most others).
    #[default]
    Bearer,
    /// `x-api-key: …` (Anthropic).
    XApiKey,
    /// `api-key: …` (Azure).
    ApiKey,
    /// `x-goog-api-key: …` (Gemini).
    XGoogApiKey,
    /// No credential.
    None,
}

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

impl FromStr for AuthStyle {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|style| style.as_str() == text).ok_or_else(|| {
            StoreError::refused(format!(
                "`{text}` is not a way to send a credential; one of bearer, x-api-key, api-key, x-goog-api-key, none"
            ))
        })
    }
}

/// What happens upstream when a client goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// Read on, within bounds, to the usage.
    #[default]
    Drain,
    /// Break off.
    Cancel,
}

impl OnDisconnect {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Cancel => "cancel",
        }
    }
}

/// What a 2xx without usage becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissingUsage {
    /// Counted by us, and flagged.
    #[default]
    Estimate,
    /// Kept without a price.
    Unrated,
}

impl OnMissingUsage {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Estimate => "estimate",
            Self::Unrated => "unrated",
        }
    }
}

/// An upstream to be created.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Unique among live endpoints.
    pub name: String,
    /// `http://` or `https://`, without query; a slash at the end is dropped.
    pub base_url: String,
    /// Whose it is, such as `openai`.
    pub provider_name: Option<String>,
    /// How it wants its credential.
    pub auth_style: AuthStyle,
    /// The credential; stored sealed.
    pub secret: Option<SecretString>,
    /// Ask for usage in streams where the client did not.
    pub inject_usage: bool,
    /// What happens when a client goes away.
    pub on_disconnect: OnDisconnect,
    /// What a 2xx without usage becomes.
    pub on_missing_usage: OnMissingUsage,
    /// Route of a surface → path template of this upstream.
    pub path_templates: BTreeMap<String, String>,
    /// Further paths that are passed through and recorded.
    pub pass_through_paths: Vec<String>,
    /// Gateways connect to it by addresses of the public internet and of the operator's opened networks alone.
    pub public_only: bool,
}

impl NewEndpoint {
    /// An endpoint with the usual settings and no credential.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            provider_name: None,
            auth_style: AuthStyle::Bearer,
            secret: None,
            inject_usage: true,
            on_disconnect: OnDisconnect::Drain,
            on_missing_usage: OnMissingUsage::Estimate,
            path_templates: BTreeMap::new(),
            pass_through_paths: Vec::new(),
            public_only: false,
        }
    }
}

/// An upstream as stored; the credential stays sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The endpoint.
    pub id: EndpointId,
    /// Unique among live endpoints.
    pub name: String,
    /// Without a slash at the end.
    pub base_url: String,
    /// Whose it is.
    pub provider_name: Option<String>,
    /// How it wants its credential.
    pub auth_style: AuthStyle,
    /// The credential, sealed (see [`sealing`]).
    #[serde(skip)]
    pub sealed_secret: Option<Vec<u8>>,
    /// Ask for usage in streams where the client did not.
    pub inject_usage: bool,
    /// What happens when a client goes away.
    pub on_disconnect: OnDisconnect,
    /// What a 2xx without usage becomes.
    pub on_missing_usage: OnMissingUsage,
    /// Route of a surface → path template of this upstream.
    pub path_templates: BTreeMap<String, String>,
    /// Further paths that are passed through and recorded.
    pub pass_through_paths: Vec<String>,
    /// Gateways connect to it by addresses of the public internet and of the operator's opened networks alone.
    pub public_only: bool,
}

const COLUMNS: &str = "id, name, base_url, provider_name, auth_style, sealed_secret, inject_usage, \
                       on_disconnect, on_missing_usage, path_templates, pass_through_paths, public_only";

/// Creates an upstream and seals its credential under `master`.
pub async fn create(
    tx: &Tx,
    master: &MasterKey,
    new: &NewEndpoint,
    actor: &str,
) -> Result<Endpoint, StoreError> {
    let base_url = check(new)?;
    let id = EndpointId::generate();
    let sealed = new.secret.as_ref().map(|secret| sealing::seal(master, id, secret)).transpose()?;
    let auth_style = if sealed.is_some() { new.auth_style } else { AuthStyle::None };
    let sql = format!(
        "insert into inference_endpoints ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (name) where deleted_at is null do nothing returning {COLUMNS}"
    );
    let row = tx
        .query_opt(
            &sql,
            &[
                &id.as_uuid(),
                &new.name,
                &base_url,
                &new.provider_name,
                &auth_style.as_str(),
                &sealed,
                &new.inject_usage,
                &new.on_disconnect.as_str(),
                &new.on_missing_usage.as_str(),
                &json!(new.path_templates),
                &new.pass_through_paths,
                &new.public_only,
            ],
        )
        .await?;
    let Some(row) = row else {
        return Err(StoreError::conflict(format!(
            "endpoint \"{}\" already exists; choose another name",
            new.name
        )));
    };
    let endpoint = from_row(&row)?;
    audit_log::write(tx, actor, "endpoint.create", &new.name, None, Some(json!(endpoint))).await?;
    Ok(endpoint)
}

/// What is to be different about an upstream; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct EndpointChanges {
    /// As in [`NewEndpoint`]. One of another scheme, host or port needs the credential anew, or it is refused.
    pub base_url: Option<String>,
    /// Whose it is.
    pub provider_name: Option<String>,
    /// How it wants its credential; [`AuthStyle::None`] removes the one there is.
    pub auth_style: Option<AuthStyle>,
    /// The new credential; stored sealed, in place of the old one.
    pub secret: Option<SecretString>,
    /// Ask for usage in streams where the client did not.
    pub inject_usage: Option<bool>,
    /// What happens when a client goes away.
    pub on_disconnect: Option<OnDisconnect>,
    /// What a 2xx without usage becomes.
    pub on_missing_usage: Option<OnMissingUsage>,
    /// The whole map.
    pub path_templates: Option<BTreeMap<String, String>>,
    /// The whole list.
    pub pass_through_paths: Option<Vec<String>>,
    /// As in [`NewEndpoint`]; belongs to whoever sets the URL.
    pub public_only: Option<bool>,
}

impl EndpointChanges {
    /// Whether everything stays as it is.
    pub const fn is_empty(&self) -> bool {
        let Self {
            base_url: None,
            provider_name: None,
            auth_style: None,
            secret: None,
            inject_usage: None,
            on_disconnect: None,
            on_missing_usage: None,
            path_templates: None,
            pass_through_paths: None,
            public_only: None,
        } = self
        else {
            return false;
        };
        true
    }
}

/// Changes the live endpoint of this name or id. A new credential is sealed under `master`.
pub async fn set(
    tx: &Tx,
    master: &MasterKey,
    name: &str,
    changes: EndpointChanges,
    actor: &str,
) -> Result<Endpoint, StoreError> {
    let before = find_locked(tx, name, "for update").await?;
    let (auth_style, sealed) = changed_credential(master, &before, &changes)?;
    let is_new_secret = changes.secret.is_some();
    let wanted = NewEndpoint {
        name: before.name.clone(),
        base_url: changes.base_url.unwrap_or_else(|| before.base_url.clone()),
        provider_name: changes.provider_name.or_else(|| before.provider_name.clone()),
        auth_style,
        secret: None,
        inject_usage: changes.inject_usage.unwrap_or(before.inject_usage),
        on_disconnect: changes.on_disconnect.unwrap_or(before.on_disconnect),
        on_missing_usage: changes.on_missing_usage.unwrap_or(before.on_missing_usage),
        path_templates: changes.path_templates.unwrap_or_else(|| before.path_templates.clone()),
        pass_through_paths: changes.pass_through_paths.unwrap_or_else(|| before.pass_through_paths.clone()),
        public_only: changes.public_only.unwrap_or(before.public_only),
    };
    let base_url = check(&wanted)?;
    // Whoever may say where requests go must not be told the credential by that.
    if sealed.is_some() && !is_new_secret && origin(&base_url) != origin(&before.base_url) {
        return Err(StoreError::refused(format!(
            "endpoint \"{}\" would send its credential to another host; give the credential anew with the URL, or remove it",
            before.name
        )));
    }
    let sql = format!(
        "update inference_endpoints
         set base_url = $2, provider_name = $3, auth_style = $4, sealed_secret = $5, inject_usage = $6,
             on_disconnect = $7, on_missing_usage = $8, path_templates = $9, pass_through_paths = $10,
             public_only = $11
         where id = $1 returning {COLUMNS}"
    );
    let row = tx
        .query_one(
            &sql,
            &[
                &before.id.as_uuid(),
                &base_url,
                &wanted.provider_name,
                &wanted.auth_style.as_str(),
                &sealed,
                &wanted.inject_usage,
                &wanted.on_disconnect.as_str(),
                &wanted.on_missing_usage.as_str(),
                &json!(wanted.path_templates),
                &wanted.pass_through_paths,
                &wanted.public_only,
            ],
        )
        .await?;
    let after = from_row(&row)?;
    let mut logged = json!(after);
    if let (true, Some(object)) = (is_new_secret, logged.as_object_mut()) {
        // The only trace of it: neither side of the change shows a credential.
        object.insert("secret_replaced".to_owned(), json!(true));
    }
    audit_log::write(tx, actor, "endpoint.set", &before.name, Some(json!(before)), Some(logged)).await?;
    Ok(after)
}

/// How the endpoint gets its credential after the change, and the credential, sealed.
fn changed_credential(
    master: &MasterKey,
    before: &Endpoint,
    changes: &EndpointChanges,
) -> Result<(AuthStyle, Option<Vec<u8>>), StoreError> {
    let sealed = match &changes.secret {
        Some(secret) => Some(sealing::seal(master, before.id, secret)?),
        None => before.sealed_secret.clone(),
    };
    match (changes.auth_style, changes.secret.is_some()) {
        (Some(AuthStyle::None), true) => Err(StoreError::refused(
            "a credential that is sent in no way; leave out one of the two, or say how the upstream wants it",
        )),
        (Some(AuthStyle::None), false) => Ok((AuthStyle::None, None)),
        (Some(_), false) if sealed.is_none() => Err(StoreError::refused(format!(
            "endpoint \"{}\" has no credential to be sent that way; give one with --api-key-env VAR",
            before.name
        ))),
        (Some(style), _) => Ok((style, sealed)),
        // The first credential of an endpoint goes the usual way.
        (None, true) if before.auth_style == AuthStyle::None => Ok((AuthStyle::Bearer, sealed)),
        (None, _) => Ok((before.auth_style, sealed)),
    }
}

/// Marks the live endpoint of this name or id as deleted and returns it as it was. Its name is free again; its row
/// stays, because the books point at it by way of its models. Refused while live models use it.
pub async fn delete(tx: &Tx, name: &str, actor: &str) -> Result<Endpoint, StoreError> {
    let endpoint = find_locked(tx, name, "for update").await?;
    let users = tx
        .query(
            "select alias from deployed_models where endpoint_id = $1 and deleted_at is null order by alias",
            &[&endpoint.id.as_uuid()],
        )
        .await?;
    let users: Vec<&str> = users.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    if !users.is_empty() {
        return Err(StoreError::conflict(format!(
            "endpoint \"{}\" is used by {}; move each with `tollgate model set ALIAS --endpoint NAME`, or delete it \
             with `tollgate model delete ALIAS`",
            endpoint.name,
            users.join(", ")
        )));
    }
    let sql = "update inference_endpoints set deleted_at = clock_timestamp() where id = $1";
    tx.execute(sql, &[&endpoint.id.as_uuid()]).await?;
    audit_log::write(tx, actor, "endpoint.delete", &endpoint.name, Some(json!(endpoint)), None).await?;
    Ok(endpoint)
}

/// The live endpoint of this name or id.
pub async fn find(tx: &Tx, name: &str) -> Result<Endpoint, StoreError> {
    find_locked(tx, name, "").await
}

/// As [`find`]; nobody deletes it until the transaction ends.
pub(crate) async fn find_to_use(tx: &Tx, name: &str) -> Result<Endpoint, StoreError> {
    find_locked(tx, name, "for share").await
}

async fn find_locked(tx: &Tx, name: &str, lock: &'static str) -> Result<Endpoint, StoreError> {
    check_name("the endpoint's name", name)?;
    let id: Option<uuid::Uuid> = name.parse().ok();
    let sql = format!(
        "select {COLUMNS} from inference_endpoints where (name = $1 or id = $2) and deleted_at is null {lock}"
    );
    match tx.query_opt(&sql, &[&name, &id]).await? {
        Some(row) => from_row(&row),
        None => Err(StoreError::not_found(format!(
            "endpoint \"{name}\" does not exist; create it with `tollgate endpoint create {name} URL`"
        ))),
    }
}

/// All live endpoints, by name.
pub async fn list(tx: &Tx) -> Result<Vec<Endpoint>, StoreError> {
    let sql = format!("select {COLUMNS} from inference_endpoints where deleted_at is null order by name");
    tx.query(&sql, &[]).await?.iter().map(from_row).collect()
}

/// Who answers at a base URL that was checked: scheme, host and port, each written in one way.
fn origin(base_url: &str) -> (String, String) {
    let (scheme, rest) = base_url.split_once("://").unwrap_or(("", base_url));
    let authority = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let scheme = scheme.to_ascii_lowercase();
    let usual_port = if scheme == "https" { ":443" } else { ":80" };
    let host = authority.strip_suffix(usual_port).unwrap_or(&authority).to_owned();
    (scheme, host)
}

/// Checks every text and returns the base URL without a slash at its end.
fn check(new: &NewEndpoint) -> Result<String, StoreError> {
    check_name("the endpoint's name", &new.name)?;
    check_text("the endpoint's URL", &new.base_url)?;
    let url = new.base_url.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let authority = host.split('/').next().unwrap_or_default();
    if authority.is_empty() || url.contains(['?', '#', ' ']) {
        return Err(StoreError::refused(format!(
            "`{}` is no base URL; write it like https://api.openai.com, without query",
            new.base_url
        )));
    }
    if authority.contains('@') {
        return Err(StoreError::refused(
            "the endpoint's URL holds a user name or password; give the credential apart from it",
        ));
    }
    if let Some(provider) = &new.provider_name {
        check_name("the provider's name", provider)?;
    }
    let templates = new.path_templates.iter().flat_map(|(route, template)| [route, template]);
    for path in templates.chain(&new.pass_through_paths) {
        check_text("the path", path)?;
        if !path.starts_with('/') {
            return Err(StoreError::refused(format!("path `{path}` must start with /")));
        }
    }
    Ok(url.to_owned())
}

fn from_row(row: &Row) -> Result<Endpoint, StoreError> {
    let templates: serde_json::Value = row.try_get(9)?;
    let path_templates = serde_json::from_value(templates)
        .map_err(|error| StoreError::Corrupt(format!("an endpoint's path_templates: {error}")))?;
    let cancel: &str = row.try_get(7)?;
    let unrated: &str = row.try_get(8)?;
    Ok(Endpoint {
        id: EndpointId::from_uuid(row.try_get(0)?),
        name: row.try_get(1)?,
        base_url: row.try_get(2)?,
        provider_name: row.try_get(3)?,
        auth_style: row.try_get::<_, &str>(4)?.parse()?,
        sealed_secret: row.try_get(5)?,
        inject_usage: row.try_get(6)?,
        on_disconnect: if cancel == "cancel" { OnDisconnect::Cancel } else { OnDisconnect::Drain },
        on_missing_usage: if unrated == "unrated" {
            OnMissingUsage::Unrated
        } else {
            OnMissingUsage::Estimate
        },
        path_templates,
        pass_through_paths: row.try_get(10)?,
        public_only: row.try_get(11)?,
    })
}

#[cfg(test)]
mod tests;
