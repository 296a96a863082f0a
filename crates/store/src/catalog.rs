//! Everything that turning raw records into charged ones needs to look up, in one consistent view: users, keys, models and
//! all their tariffs, expired, revoked and deleted ones included, because records arrive late.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use jiff::Timestamp;
use tokio_postgres::Row;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, EndpointId, KeyDigest, ModelId, Tariff, TariffId, UserId, find_best_tariff,
};

use crate::epochs::Epochs;
use crate::tariff_row::{PRICE_COLUMNS, prices_from_row};
use crate::{ServerRun, StoreError, Tx};

type Map<K, V> = HashMap<K, V, RandomState>;

/// An API key as the books know it.
#[derive(Debug, Clone)]
pub struct CatalogKey {
    /// The key.
    pub id: ApiKeyId,
    /// Its number in the books.
    pub no: i32,
    /// Who pays.
    pub user_id: UserId,
    /// Who pays, by number.
    pub user_no: i32,
    /// What it is for.
    pub purpose: ApiKeyPurpose,
    /// Whether it has been revoked; its owner still pays for what it was admitted with.
    pub revoked: bool,
}

/// A tariff and what the books know about it.
#[derive(Debug, Clone)]
pub struct CatalogTariff {
    /// The prices, and when they hold.
    pub tariff: Tariff,
    /// Its number in the books.
    pub no: i32,
    /// The pricing epoch that it came with.
    pub recorded_epoch: i32,
    /// The pricing epoch at which its `valid_until` was set.
    pub closed_epoch: Option<i32>,
}

/// A model that was deployed, now or earlier.
#[derive(Debug, Clone)]
pub struct CatalogModel {
    /// The model.
    pub id: ModelId,
    /// Its number in the books.
    pub no: i32,
    /// The name that clients use.
    pub alias: String,
    /// The endpoint that serves it.
    pub endpoint_id: EndpointId,
    /// Whose endpoint that is, such as `openai`.
    pub provider_name: Option<String>,
    /// Whether it has been deleted since.
    pub deleted: bool,
    /// All its tariffs, of every time.
    pub tariffs: Vec<CatalogTariff>,
}

impl CatalogModel {
    /// The tariff for a request at `at`; see [`find_best_tariff`].
    pub fn best_tariff(
        &self,
        purpose: Option<ApiKeyPurpose>,
        completion_window: Option<&str>,
        at: Timestamp,
    ) -> Option<&CatalogTariff> {
        let tariffs = self.tariffs.iter().map(|known| &known.tariff);
        let best = find_best_tariff(tariffs, purpose, completion_window, at)?;
        self.tariffs.iter().find(|known| known.tariff.id == best.id)
    }
}

/// The view that records are enriched from.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Moves with every change of a price.
    pub pricing_epoch: i32,
    /// Moves with every change of anything here.
    pub config_epoch: i64,
    /// Where it was read.
    pub server: ServerRun,
    /// Numbers of users.
    pub users: Map<UserId, i32>,
    /// Users by number.
    pub users_by_no: Map<i32, UserId>,
    /// Keys, live and revoked.
    pub keys: Map<ApiKeyId, CatalogKey>,
    /// Ids of keys by digest, live and revoked.
    pub keys_by_digest: Map<KeyDigest, ApiKeyId>,
    /// Models, live and deleted.
    pub models: Map<ModelId, CatalogModel>,
    /// Ids of live models by alias.
    pub live_models: Map<String, ModelId>,
    /// Provider names by endpoint.
    pub providers: Map<EndpointId, Option<String>>,
}

impl Catalog {
    /// The epochs that it is of.
    pub fn epochs(&self) -> Epochs {
        Epochs { pricing: self.pricing_epoch, config: self.config_epoch, server: self.server }
    }

    /// The key with this digest, live or revoked.
    pub fn key_by_digest(&self, digest: &KeyDigest) -> Option<&CatalogKey> {
        self.keys.get(self.keys_by_digest.get(digest)?)
    }

    /// The live model with this alias.
    pub fn model_by_alias(&self, alias: &str) -> Option<&CatalogModel> {
        self.models.get(self.live_models.get(alias)?)
    }
}

/// Reads the catalog. Call it in [`crate::Store::tx_repeatable_read`]: its parts must belong together.
pub async fn load(tx: &Tx) -> Result<Catalog, StoreError> {
    let mut catalog = Catalog { server: tx.server(), ..Catalog::default() };
    let epochs = tx.query_one("select pricing_epoch, config_epoch from config_epochs", &[]).await?;
    catalog.pricing_epoch = epochs.try_get(0)?;
    catalog.config_epoch = epochs.try_get(1)?;
    for row in tx.query("select id, no from users", &[]).await? {
        let (id, no) = (UserId::from_uuid(row.try_get(0)?), row.try_get(1)?);
        catalog.users.insert(id, no);
        catalog.users_by_no.insert(no, id);
    }
    load_keys(tx, &mut catalog).await?;
    for row in tx.query("select id, provider_name from inference_endpoints", &[]).await? {
        catalog.providers.insert(EndpointId::from_uuid(row.try_get(0)?), row.try_get(1)?);
    }
    load_models(tx, &mut catalog).await?;
    Ok(catalog)
}

async fn load_keys(tx: &Tx, catalog: &mut Catalog) -> Result<(), StoreError> {
    let sql = "select k.id, k.no, k.digest, k.user_id, u.no, k.purpose, k.revoked_at is not null
               from api_keys k join users u on u.id = k.user_id";
    for row in tx.query(sql, &[]).await? {
        let key = CatalogKey {
            id: ApiKeyId::from_uuid(row.try_get(0)?),
            no: row.try_get(1)?,
            user_id: UserId::from_uuid(row.try_get(3)?),
            user_no: row.try_get(4)?,
            purpose: ApiKeyPurpose::from_stored(row.try_get(5)?),
            revoked: row.try_get(6)?,
        };
        catalog.keys_by_digest.insert(digest_from(&row, 2)?, key.id);
        catalog.keys.insert(key.id, key);
    }
    Ok(())
}

async fn load_models(tx: &Tx, catalog: &mut Catalog) -> Result<(), StoreError> {
    let sql = "select id, no, alias, endpoint_id, deleted_at is not null from deployed_models";
    for row in tx.query(sql, &[]).await? {
        let endpoint_id = EndpointId::from_uuid(row.try_get(3)?);
        let model = CatalogModel {
            id: ModelId::from_uuid(row.try_get(0)?),
            no: row.try_get(1)?,
            alias: row.try_get(2)?,
            endpoint_id,
            provider_name: catalog.providers.get(&endpoint_id).cloned().flatten(),
            deleted: row.try_get(4)?,
            tariffs: Vec::new(),
        };
        if !model.deleted {
            catalog.live_models.insert(model.alias.clone(), model.id);
        }
        catalog.models.insert(model.id, model);
    }
    let sql = format!(
        "select {PRICE_COLUMNS}, id, no, model_id, purpose, completion_window, valid_from, valid_until,
                recorded_epoch, closed_epoch
         from model_tariffs order by model_id, valid_from, no"
    );
    for row in tx.query(&sql, &[]).await? {
        let tariff = tariff_from(&row)?;
        if let Some(model) = catalog.models.get_mut(&tariff.tariff.model) {
            model.tariffs.push(tariff);
        }
    }
    Ok(())
}

fn tariff_from(row: &Row) -> Result<CatalogTariff, StoreError> {
    Ok(CatalogTariff {
        tariff: Tariff {
            id: TariffId::from_uuid(row.try_get("id")?),
            model: ModelId::from_uuid(row.try_get("model_id")?),
            purpose: ApiKeyPurpose::from_stored(row.try_get("purpose")?),
            completion_window: row.try_get("completion_window")?,
            prices: prices_from_row(row)?,
            valid_from: row.try_get("valid_from")?,
            valid_until: row.try_get("valid_until")?,
        },
        no: row.try_get("no")?,
        recorded_epoch: row.try_get("recorded_epoch")?,
        closed_epoch: row.try_get("closed_epoch")?,
    })
}

/// A digest from a `bytea` column, which a constraint keeps at 32 bytes.
pub(crate) fn digest_from(row: &Row, column: usize) -> Result<KeyDigest, StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt("a key's digest is not 32 bytes long".to_owned()))?;
    Ok(KeyDigest::from_bytes(bytes))
}
