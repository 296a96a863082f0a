//! Upstreams. Their credentials go in and never come out.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tollgate_domain::EndpointId;
use tollgate_store::endpoints::{self, AuthStyle, EndpointChanges, OnDisconnect, OnMissingUsage};
use tollgate_store::snapshot::ConfigEndpoint;
use tollgate_store::{StoreError, Tx};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path};
use crate::page::Whole;
use crate::problem::{Kind, Problem};
use crate::upstream_url::UrlOf;

/// An upstream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Endpoint {
    id: Uuid,
    /// Unique among live endpoints.
    name: String,
    /// Without a slash at the end.
    base_url: String,
    /// Whose it is, such as `openai`.
    provider_name: Option<String>,
    /// How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`, or `none`, where it has none.
    #[schema(value_type = String, example = "bearer")]
    auth_style: AuthStyle,
    /// Usage is asked for in streams where the client did not.
    inject_usage: bool,
    /// What happens upstream when a client goes away: `drain` or `cancel`.
    #[schema(value_type = String, example = "drain")]
    on_disconnect: OnDisconnect,
    /// What a success without usage becomes: `estimate` or `unrated`.
    #[schema(value_type = String, example = "estimate")]
    on_missing_usage: OnMissingUsage,
    /// Route of a surface → path template of this upstream.
    path_templates: BTreeMap<String, String>,
    /// Further paths that are passed through and recorded.
    pass_through_paths: Vec<String>,
    /// Gateways reach it by addresses of the public internet and of `admin.allowed_networks` alone. So it is with every URL that was set here; one
    /// that the server's command line set may lead anywhere.
    public_only: bool,
}

impl From<endpoints::Endpoint> for Endpoint {
    fn from(endpoint: endpoints::Endpoint) -> Self {
        Self {
            id: endpoint.id.as_uuid(),
            name: endpoint.name,
            base_url: endpoint.base_url,
            provider_name: endpoint.provider_name,
            auth_style: endpoint.auth_style,
            inject_usage: endpoint.inject_usage,
            on_disconnect: endpoint.on_disconnect,
            on_missing_usage: endpoint.on_missing_usage,
            path_templates: endpoint.path_templates,
            pass_through_paths: endpoint.pass_through_paths,
            public_only: endpoint.public_only,
        }
    }
}

/// An upstream to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEndpoint {
    /// Unique among live endpoints.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `http://` or `https://`, without query.
    #[schema(example = "https://api.openai.com")]
    base_url: String,
    /// Whose it is, such as `openai`.
    provider_name: Option<String>,
    /// How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`. `none` removes the one there is.
    #[schema(value_type = Option<String>, example = "bearer")]
    auth_style: Option<AuthStyle>,
    /// The upstream's credential. Stored sealed, and never shown again.
    #[schema(value_type = Option<String>)]
    credential: Option<SecretString>,
    /// Ask for usage in streams where the client did not.
    inject_usage: Option<bool>,
    /// `drain` or `cancel`.
    #[schema(value_type = Option<String>, example = "drain")]
    on_disconnect: Option<OnDisconnect>,
    /// `estimate` or `unrated`.
    #[schema(value_type = Option<String>, example = "estimate")]
    on_missing_usage: Option<OnMissingUsage>,
    /// The whole map.
    path_templates: Option<BTreeMap<String, String>>,
    /// The whole list.
    pass_through_paths: Option<Vec<String>>,
}

/// What is to be different about an upstream; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// `http://` or `https://`, without query. Another scheme, host or port needs the credential anew.
    #[schema(example = "https://api.openai.com")]
    base_url: Option<String>,
    /// Whose it is, such as `openai`.
    provider_name: Option<String>,
    /// How it wants its credential: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`. `none` removes the one there is.
    #[schema(value_type = Option<String>, example = "bearer")]
    auth_style: Option<AuthStyle>,
    /// The upstream's credential. Stored sealed, and never shown again.
    #[schema(value_type = Option<String>)]
    credential: Option<SecretString>,
    /// Ask for usage in streams where the client did not.
    inject_usage: Option<bool>,
    /// `drain` or `cancel`.
    #[schema(value_type = Option<String>, example = "drain")]
    on_disconnect: Option<OnDisconnect>,
    /// `estimate` or `unrated`.
    #[schema(value_type = Option<String>, example = "estimate")]
    on_missing_usage: Option<OnMissingUsage>,
    /// The whole map.
    path_templates: Option<BTreeMap<String, String>>,
    /// The whole list.
    pass_through_paths: Option<Vec<String>>,
}

impl From<Settings> for EndpointChanges {
    fn from(settings: Settings) -> Self {
        Self {
            public_only: settings.base_url.is_some().then_some(true),
            base_url: settings.base_url,
            provider_name: settings.provider_name,
            auth_style: settings.auth_style,
            secret: settings.credential,
            inject_usage: settings.inject_usage,
            on_disconnect: settings.on_disconnect,
            on_missing_usage: settings.on_missing_usage,
            path_templates: settings.path_templates,
            pass_through_paths: settings.pass_through_paths,
        }
    }
}

/// All endpoints, by name.
#[utoipa::path(get, path = "/admin/api/v1/endpoints", tag = "endpoints",
    responses((status = 200, description = "Every endpoint", body = Whole<Endpoint>)))]
pub(crate) async fn list(State(admin): State<Admin>) -> Result<Json<Whole<Endpoint>>, Problem> {
    let endpoints = admin.store().tx("admin_list_endpoints", async |tx| endpoints::list(&tx).await).await?;
    Ok(Json(Whole::of(endpoints)))
}

/// Creates an upstream. One that a gateway could not use is refused, and so is a URL that leads to no public address and to none of
/// `admin.allowed_networks`.
#[utoipa::path(post, path = "/admin/api/v1/endpoints", tag = "endpoints", request_body = NewEndpoint,
    responses((status = 201, description = "The endpoint", body = Endpoint)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    Body(settings): Body<NewEndpoint>,
) -> Result<(StatusCode, Json<Endpoint>), Problem> {
    admin.check_url(UrlOf::Endpoint, &settings.base_url).await?;
    let usual = endpoints::NewEndpoint::new(settings.name, settings.base_url);
    let new = endpoints::NewEndpoint {
        provider_name: settings.provider_name,
        auth_style: settings.auth_style.unwrap_or(usual.auth_style),
        secret: settings.credential,
        inject_usage: settings.inject_usage.unwrap_or(usual.inject_usage),
        on_disconnect: settings.on_disconnect.unwrap_or(usual.on_disconnect),
        on_missing_usage: settings.on_missing_usage.unwrap_or(usual.on_missing_usage),
        path_templates: settings.path_templates.unwrap_or_default(),
        pass_through_paths: settings.pass_through_paths.unwrap_or_default(),
        public_only: true,
        ..usual
    };
    let actor = caller.actor();
    let create = async |tx: Tx| {
        let endpoint = endpoints::create(&tx, admin.master(), &new, &actor).await?;
        check_usable(&admin, &endpoint)?;
        Ok(endpoint)
    };
    let endpoint = admin.store().tx("admin_create_endpoint", create).await?;
    Ok((StatusCode::CREATED, Json(endpoint.into())))
}

/// One endpoint.
#[utoipa::path(get, path = "/admin/api/v1/endpoints/{endpoint_id}", tag = "endpoints",
    params(("endpoint_id" = Uuid, Path)),
    responses((status = 200, description = "The endpoint", body = Endpoint)))]
pub(crate) async fn get(
    State(admin): State<Admin>,
    Path(id): Path<EndpointId>,
) -> Result<Json<Endpoint>, Problem> {
    let id = id.to_string();
    let find = async |tx| endpoints::find(&tx, &id).await;
    Ok(Json(admin.store().tx("admin_find_endpoint", find).await?.into()))
}

/// Changes an endpoint; gateways know within a second. A new URL is checked as that of a new endpoint.
#[utoipa::path(patch, path = "/admin/api/v1/endpoints/{endpoint_id}", tag = "endpoints",
    params(("endpoint_id" = Uuid, Path)), request_body = Settings,
    responses((status = 200, description = "The endpoint as it is now", body = Endpoint)))]
pub(crate) async fn set(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<EndpointId>,
    Body(settings): Body<Settings>,
) -> Result<Json<Endpoint>, Problem> {
    if let Some(url) = &settings.base_url {
        admin.check_url(UrlOf::Endpoint, url).await?;
    }
    let changes = EndpointChanges::from(settings);
    if changes.is_empty() {
        return Err(Problem::new(Kind::Invalid, "nothing to change: the body names no setting"));
    }
    let (id, actor) = (id.to_string(), caller.actor());
    let set = async |tx: Tx| {
        let endpoint = endpoints::set(&tx, admin.master(), &id, changes.clone(), &actor).await?;
        check_usable(&admin, &endpoint)?;
        Ok(endpoint)
    };
    Ok(Json(admin.store().tx("admin_set_endpoint", set).await?.into()))
}

/// Deletes an endpoint that no live model uses. Its name is free again.
#[utoipa::path(delete, path = "/admin/api/v1/endpoints/{endpoint_id}", tag = "endpoints",
    params(("endpoint_id" = Uuid, Path)),
    responses((status = 200, description = "The endpoint as it was", body = Endpoint)))]
pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<EndpointId>,
) -> Result<Json<Endpoint>, Problem> {
    let (id, actor) = (id.to_string(), caller.actor());
    let delete = async |tx| endpoints::delete(&tx, &id, &actor).await;
    Ok(Json(admin.store().tx("admin_delete_endpoint", delete).await?.into()))
}

/// What a gateway would leave out, with a line in its log, is refused to whoever can mend it.
fn check_usable(admin: &Admin, endpoint: &endpoints::Endpoint) -> Result<(), StoreError> {
    let opened = ConfigEndpoint::open(admin.master(), endpoint.clone())?;
    admin.check_endpoint(opened).map_err(|problem| {
        StoreError::refused(format!("endpoint {:?} could not be used: {problem}", endpoint.name))
    })
}
