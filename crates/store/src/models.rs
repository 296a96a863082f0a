//! `deployed_models`: the names that clients use, and what they stand for upstream.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{EndpointId, ModelId};

use crate::limits::{self, Of};
use crate::text::check_name;
use crate::{StoreError, Tx, audit_log, endpoints};

/// A deployed model as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// The model.
    pub id: ModelId,
    /// The number in the books.
    #[serde(skip)]
    pub no: i32,
    /// The name that clients use; unique among live models.
    pub alias: String,
    /// Where it runs.
    pub endpoint_id: EndpointId,
    /// Where it runs, by name.
    pub endpoint_name: String,
    /// The name that the endpoint uses.
    pub upstream_model: String,
    /// By the database's clock.
    pub created_at: Timestamp,
}

const SELECT: &str = "select m.id, m.no, m.alias, m.endpoint_id, e.name, m.upstream_model, m.created_at
                      from deployed_models m join inference_endpoints e on e.id = m.endpoint_id";

/// Deploys a model: `alias` → `upstream_model` (the alias itself where `None`) on the endpoint of this name.
pub async fn create(
    tx: &Tx,
    alias: &str,
    endpoint: &str,
    upstream_model: Option<&str>,
    actor: &str,
) -> Result<Model, StoreError> {
    check_name("the model's alias", alias)?;
    let upstream_model = upstream_model.unwrap_or(alias);
    check_name("the upstream's model name", upstream_model)?;
    let endpoint = endpoints::find_to_use(tx, endpoint).await?;
    let created = tx
        .execute(
            "insert into deployed_models (id, alias, endpoint_id, upstream_model) values ($1, $2, $3, $4)
             on conflict (alias) where deleted_at is null do nothing",
            &[&ModelId::generate().as_uuid(), &alias, &endpoint.id.as_uuid(), &upstream_model],
        )
        .await?;
    if created == 0 {
        return Err(StoreError::conflict(format!("model \"{alias}\" already exists; choose another alias")));
    }
    let model = find(tx, alias).await?;
    audit_log::write(tx, actor, "model.create", alias, None, Some(json!(model))).await?;
    Ok(model)
}

/// Moves the live model with this alias or id to another endpoint, or gives it another name there; `None` stays as it is.
pub async fn set(
    tx: &Tx,
    alias: &str,
    endpoint: Option<&str>,
    upstream_model: Option<&str>,
    actor: &str,
) -> Result<Model, StoreError> {
    // The endpoint first, as where an endpoint is deleted: it is locked before its models are looked at.
    let endpoint_id = match endpoint {
        Some(endpoint) => Some(endpoints::find_to_use(tx, endpoint).await?.id.as_uuid()),
        None => None,
    };
    if let Some(upstream_model) = upstream_model {
        check_name("the upstream's model name", upstream_model)?;
    }
    let before = find_locked(tx, alias).await?;
    tx.execute(
        "update deployed_models
         set endpoint_id = coalesce($2, endpoint_id), upstream_model = coalesce($3, upstream_model) where id = $1",
        &[&before.id.as_uuid(), &endpoint_id, &upstream_model],
    )
    .await?;
    let after = find(tx, &before.id.to_string()).await?;
    audit_log::write(tx, actor, "model.set", &after.alias, Some(json!(before)), Some(json!(after))).await?;
    Ok(after)
}

/// Marks the live model with this alias or id as deleted and returns it as it was. The alias is free again; a new model of
/// that alias begins without prices and limits. What was requested before is still charged, at the prices there are.
pub async fn delete(tx: &Tx, alias: &str, actor: &str) -> Result<Model, StoreError> {
    let model = find_locked(tx, alias).await?;
    let sql = "update deployed_models set deleted_at = clock_timestamp() where id = $1";
    tx.execute(sql, &[&model.id.as_uuid()]).await?;
    limits::forget(tx, Of::Model, model.id.as_uuid()).await?;
    audit_log::write(tx, actor, "model.delete", &model.alias, Some(json!(model)), None).await?;
    Ok(model)
}

/// As [`find`]; nobody else changes it until the transaction ends.
async fn find_locked(tx: &Tx, alias: &str) -> Result<Model, StoreError> {
    let model = find(tx, alias).await?;
    let sql = "select 1 from deployed_models where id = $1 and deleted_at is null for update";
    match tx.query_opt(sql, &[&model.id.as_uuid()]).await? {
        // Again: it may have changed while we waited.
        Some(_) => find(tx, &model.id.to_string()).await,
        None => Err(StoreError::not_found(format!("model \"{alias}\" was deleted just now"))),
    }
}

/// The live model with this alias or id.
pub async fn find(tx: &Tx, alias: &str) -> Result<Model, StoreError> {
    check_name("the model's alias", alias)?;
    let id: Option<uuid::Uuid> = alias.parse().ok();
    let sql = format!("{SELECT} where (m.alias = $1 or m.id = $2) and m.deleted_at is null");
    match tx.query_opt(&sql, &[&alias, &id]).await? {
        Some(row) => from_row(&row),
        None => Err(StoreError::not_found(format!(
            "model \"{alias}\" does not exist; create it with `tollgate model create {alias} --endpoint NAME`"
        ))),
    }
}

/// All live models, by alias.
pub async fn list(tx: &Tx) -> Result<Vec<Model>, StoreError> {
    let sql = format!("{SELECT} where m.deleted_at is null order by m.alias");
    tx.query(&sql, &[]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Model, StoreError> {
    Ok(Model {
        id: ModelId::from_uuid(row.try_get(0)?),
        no: row.try_get(1)?,
        alias: row.try_get(2)?,
        endpoint_id: EndpointId::from_uuid(row.try_get(3)?),
        endpoint_name: row.try_get(4)?,
        upstream_model: row.try_get(5)?,
        created_at: row.try_get(6)?,
    })
}
