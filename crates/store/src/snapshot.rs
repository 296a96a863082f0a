//! What a gateway works from: the configuration, and balances with what they include.

use jiff::Timestamp;
use secrecy::SecretString;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Credits, EndpointId, InstanceId, KeyDigest, MasterKey, ModelId, Tariff, UserId,
};
use uuid::Uuid;

use crate::balances::{self, Cursor};
use crate::catalog::digest_from;
use crate::endpoints::{self, Endpoint};
use crate::limits::{self, Limited};
use crate::users::WhenSpent;
use crate::{ServerRun, Store, StoreError, Tx, epochs, models, sealing, tariffs};

/// A key, live or revoked.
#[derive(Debug, Clone)]
pub struct ConfigKey {
    /// The key.
    pub id: ApiKeyId,
    /// By which it is found.
    pub digest: KeyDigest,
    /// Who pays.
    pub user_id: UserId,
    /// What it may be used for.
    pub purpose: ApiKeyPurpose,
    /// Whether its batch metadata headers count.
    pub trusted: bool,
    /// It admits nothing any more.
    pub revoked: bool,
    /// When it ends because another key has taken its place.
    pub revoke_at: Option<Timestamp>,
    /// What becomes of its owner's streams that outgrow the money.
    pub when_spent: WhenSpent,
}

/// A live model.
#[derive(Debug, Clone)]
pub struct ConfigModel {
    /// The model.
    pub id: ModelId,
    /// The name that clients use.
    pub alias: String,
    /// Where it runs.
    pub endpoint_id: EndpointId,
    /// The name that the endpoint uses.
    pub upstream_model: String,
    /// When it was deployed, by the database's clock.
    pub created_at: Timestamp,
    /// All its tariffs that ever were in force, or will be.
    pub tariffs: Vec<Tariff>,
}

/// A live endpoint with its credential.
#[derive(Debug, Clone)]
pub struct ConfigEndpoint {
    /// As stored.
    pub endpoint: Endpoint,
    /// The credential in the clear.
    pub secret: Option<SecretString>,
}

impl ConfigEndpoint {
    /// Opens the endpoint's credential under `master`.
    pub fn open(master: &MasterKey, endpoint: Endpoint) -> Result<Self, StoreError> {
        let sealed = endpoint.sealed_secret.as_deref();
        let secret = sealed.map(|sealed| sealing::open(master, endpoint.id, sealed)).transpose()?;
        Ok(Self { endpoint, secret })
    }
}

/// The configuration of a gateway, from one snapshot.
#[derive(Debug, Clone)]
pub struct Config {
    /// Moves with every change of it; [`epochs::read`] tells cheaply whether it has.
    pub config_epoch: i64,
    /// Where it was read; the epoch of another server says nothing of it.
    pub server: ServerRun,
    /// Every key.
    pub keys: Vec<ConfigKey>,
    /// Every live model.
    pub models: Vec<ConfigModel>,
    /// Every live endpoint.
    pub endpoints: Vec<ConfigEndpoint>,
    /// Everything that has limits.
    pub limits: Vec<Limited>,
}

/// Balances from one snapshot, and exactly what they include.
#[derive(Debug, Clone)]
pub struct BalanceChanges {
    /// For the next call.
    pub cursor: Cursor,
    /// Whether these are all balances: on the first call, and when another server answers than the one that gave the cursor.
    pub is_full: bool,
    /// Balances that may have changed since the cursor before.
    pub balances: Vec<(UserId, Credits)>,
    /// Per instance, the last position of its finished requests that these balances include.
    pub committed_positions: Vec<(InstanceId, i64)>,
}

/// Reads the whole configuration and opens the endpoints' credentials under `master`.
pub async fn load_config(store: &Store, master: &MasterKey) -> Result<Config, StoreError> {
    let (epochs, keys, models, tariffs, endpoints, limits) = store
        .tx_repeatable_read("load_config", async |tx| {
            Ok((
                epochs::read(&tx).await?,
                load_keys(&tx).await?,
                models::list(&tx).await?,
                tariffs::load_all(&tx).await?,
                endpoints::list(&tx).await?,
                limits::list(&tx).await?,
            ))
        })
        .await?;
    let mut models: Vec<ConfigModel> = models
        .into_iter()
        .map(|model| ConfigModel {
            id: model.id,
            alias: model.alias,
            endpoint_id: model.endpoint_id,
            upstream_model: model.upstream_model,
            created_at: model.created_at,
            tariffs: Vec::new(),
        })
        .collect();
    // Both in the order of the model's id, so each tariff finds its model by binary search.
    models.sort_unstable_by_key(|model| model.id);
    for tariff in tariffs {
        if let Ok(at) = models.binary_search_by_key(&tariff.model, |model| model.id)
            && let Some(model) = models.get_mut(at)
        {
            model.tariffs.push(tariff);
        }
    }
    let endpoints = endpoints
        .into_iter()
        .map(|endpoint| ConfigEndpoint::open(master, endpoint))
        .collect::<Result<_, StoreError>>()?;
    Ok(Config { config_epoch: epochs.config, server: epochs.server, keys, models, endpoints, limits })
}

/// Reads what changed of the balances since `since`, all of them where `None` or of another server, and what they include.
pub async fn load_balances(store: &Store, since: Option<Cursor>) -> Result<BalanceChanges, StoreError> {
    store
        .tx_repeatable_read("load_balances", async |tx| {
            let (cursor, balances) = balances::changed_since(&tx, since).await?;
            let mut committed_positions = Vec::new();
            for row in tx.query("select id, committed_position from instances", &[]).await? {
                let instance = InstanceId::from_uuid(row.try_get::<_, Uuid>(0)?);
                committed_positions.push((instance, row.try_get(1)?));
            }
            let is_full = since.is_none_or(|since| !since.is_of(&tx));
            Ok(BalanceChanges { cursor, is_full, balances, committed_positions })
        })
        .await
}

async fn load_keys(tx: &Tx) -> Result<Vec<ConfigKey>, StoreError> {
    let sql = "select k.id, k.digest, k.user_id, k.purpose, k.trusted, k.revoked_at is not null, k.revoke_at, u.when_spent
                 from api_keys k join users u on u.id = k.user_id";
    let rows = tx.query(sql, &[]).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        keys.push(ConfigKey {
            id: ApiKeyId::from_uuid(row.try_get(0)?),
            digest: digest_from(&row, 1)?,
            user_id: UserId::from_uuid(row.try_get(2)?),
            purpose: ApiKeyPurpose::from_stored(row.try_get(3)?),
            trusted: row.try_get(4)?,
            revoked: row.try_get(5)?,
            revoke_at: row.try_get(6)?,
            when_spent: WhenSpent::from_stored(row.try_get(7)?),
        });
    }
    Ok(keys)
}
