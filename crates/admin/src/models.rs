//! Models: the names that clients ask for, and what they stand for upstream.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::ModelId;
use tollgate_store::models;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Admin;
use crate::caller::Caller;
use crate::extract::{Body, Path};
use crate::page::Whole;
use crate::problem::{Kind, Problem};

/// A model.
#[expect(clippy::struct_field_names, reason = "the names that clients read")]
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    id: Uuid,
    /// The name that clients use; unique among live models.
    alias: String,
    endpoint_id: Uuid,
    endpoint_name: String,
    /// The name that the endpoint uses.
    upstream_model: String,
    created_at: Timestamp,
}

impl From<models::Model> for Model {
    fn from(model: models::Model) -> Self {
        Self {
            id: model.id.as_uuid(),
            alias: model.alias,
            endpoint_id: model.endpoint_id.as_uuid(),
            endpoint_name: model.endpoint_name,
            upstream_model: model.upstream_model,
            created_at: model.created_at,
        }
    }
}

/// A model to be offered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewModel {
    /// The name that clients use.
    #[schema(min_length = 1, max_length = 200)]
    alias: String,
    /// Where it runs.
    endpoint_id: Uuid,
    /// The name that the endpoint uses; the alias where it is left out.
    upstream_model: Option<String>,
}

/// What is to be different about a model; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelChanges {
    endpoint_id: Option<Uuid>,
    upstream_model: Option<String>,
}

/// All models, by alias.
#[utoipa::path(get, path = "/admin/api/v1/models", tag = "models",
    responses((status = 200, description = "Every model", body = Whole<Model>)))]
pub(crate) async fn list(State(admin): State<Admin>) -> Result<Json<Whole<Model>>, Problem> {
    let models = admin.store().tx("admin_list_models", async |tx| models::list(&tx).await).await?;
    Ok(Json(Whole::of(models)))
}

/// Offers a model. It has no price yet: what is asked of it is kept unrated until there is one.
#[utoipa::path(post, path = "/admin/api/v1/models", tag = "models", request_body = NewModel,
    responses((status = 201, description = "The model", body = Model)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    Body(new): Body<NewModel>,
) -> Result<(StatusCode, Json<Model>), Problem> {
    let (endpoint, actor) = (new.endpoint_id.to_string(), caller.actor());
    let create =
        async |tx| models::create(&tx, &new.alias, &endpoint, new.upstream_model.as_deref(), &actor).await;
    let model = admin.store().tx("admin_create_model", create).await?;
    Ok((StatusCode::CREATED, Json(model.into())))
}

/// One model.
#[utoipa::path(get, path = "/admin/api/v1/models/{model_id}", tag = "models", params(("model_id" = Uuid, Path)),
    responses((status = 200, description = "The model", body = Model)))]
pub(crate) async fn get(State(admin): State<Admin>, Path(id): Path<ModelId>) -> Result<Json<Model>, Problem> {
    let id = id.to_string();
    let find = async |tx| models::find(&tx, &id).await;
    Ok(Json(admin.store().tx("admin_find_model", find).await?.into()))
}

/// Moves a model to another endpoint, or gives it another name there; gateways know within a second.
#[utoipa::path(patch, path = "/admin/api/v1/models/{model_id}", tag = "models", params(("model_id" = Uuid, Path)),
    request_body = ModelChanges,
    responses((status = 200, description = "The model as it is now", body = Model)))]
pub(crate) async fn set(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(changes): Body<ModelChanges>,
) -> Result<Json<Model>, Problem> {
    let ModelChanges { endpoint_id, upstream_model } = changes;
    if endpoint_id.is_none() && upstream_model.is_none() {
        return Err(Problem::new(Kind::Invalid, "nothing to change: the body names no setting"));
    }
    let (id, actor) = (id.to_string(), caller.actor());
    let endpoint = endpoint_id.map(|endpoint| endpoint.to_string());
    let set = async |tx| models::set(&tx, &id, endpoint.as_deref(), upstream_model.as_deref(), &actor).await;
    Ok(Json(admin.store().tx("admin_set_model", set).await?.into()))
}

/// Deletes a model. Its alias is free again, and what was requested before is still charged.
#[utoipa::path(delete, path = "/admin/api/v1/models/{model_id}", tag = "models", params(("model_id" = Uuid, Path)),
    responses((status = 200, description = "The model as it was", body = Model)))]
pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<Json<Model>, Problem> {
    let (id, actor) = (id.to_string(), caller.actor());
    let delete = async |tx| models::delete(&tx, &id, &actor).await;
    Ok(Json(admin.store().tx("admin_delete_model", delete).await?.into()))
}
