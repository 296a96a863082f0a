//! One request, whole: what was used, at which tariff, and what it came to.
//!
//! A request is found by the id that its response carried, without an index on anything but its identity: one probe for each day that
//! has sums.

use jiff::Timestamp;
use tollgate_domain::{ApiKeyId, CorrelationId, InstanceId, ModelId, PriceList, TariffId, UserId};
use uuid::Uuid;

use crate::tariff_row::{PRICE_COLUMNS, prices_from_row};
use crate::usage_dimensions::{self, Dimensions};
use crate::usage_records::{self, UsageRow};
use crate::{StoreError, Tx};

/// A request as it is in the books.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The record.
    pub row: UsageRow,
    /// What repeats of it.
    pub dimensions: Dimensions,
    /// Who pays.
    pub user_id: Option<UserId>,
    /// With which key.
    pub api_key_id: Option<ApiKeyId>,
    /// The first characters of its secret.
    pub key_prefix: Option<String>,
    /// For which model.
    pub model_id: Option<ModelId>,
    /// The model's alias; what was asked for where it had none.
    pub model: Option<String>,
    /// The prices.
    pub tariff: Option<ReceiptTariff>,
    /// The batch that it was part of.
    pub batch_id: Option<Uuid>,
    /// The client's own name for it.
    pub custom_id: Option<String>,
}

/// The tariff that a request was charged by.
#[derive(Debug, Clone)]
pub struct ReceiptTariff {
    /// This version.
    pub id: TariffId,
    /// Its prices.
    pub prices: PriceList,
    /// In force from then on.
    pub valid_from: Timestamp,
}

/// The request with this id; of `owner` alone where there is one. Another's request is as little there as one that never was.
pub async fn find(
    tx: &Tx,
    instance: InstanceId,
    correlation: CorrelationId,
    owner: Option<UserId>,
) -> Result<Receipt, StoreError> {
    let absent = || StoreError::not_found("there is no such request");
    let Some(row) = usage_records::find(tx, instance, correlation).await? else { return Err(absent()) };
    let sql = format!(
        "select u.id, k.id, k.prefix, m.id, m.alias, t.id as tariff_id, t.valid_from, {PRICE_COLUMNS}, x.batch_id, x.custom_id
         from (select 1) one
         left join users u on u.no = $1 left join api_keys k on k.no = $2 left join deployed_models m on m.no = $3
         left join model_tariffs t on t.no = $4
         left join usage_details x on x.day = $5 and x.instance_no = $6 and x.correlation_id = $7"
    );
    let key = row.key;
    let names = tx
        .query_one(
            &sql,
            &[
                &row.user_no,
                &row.key_no,
                &row.model_no,
                &row.tariff_no,
                &key.day,
                &key.instance_no,
                &key.correlation_id.get(),
            ],
        )
        .await?;
    let user_id = names.try_get::<_, Option<Uuid>>(0)?.map(UserId::from_uuid);
    if owner.is_some_and(|owner| user_id != Some(owner)) {
        return Err(absent());
    }
    let dimensions = usage_dimensions::by_no(tx, &[row.dimensions_no]).await?.remove(&row.dimensions_no);
    let dimensions =
        dimensions.ok_or_else(|| StoreError::Corrupt("a record without dimensions".to_owned()))?;
    let tariff = match names.try_get::<_, Option<Uuid>>("tariff_id")? {
        Some(id) => Some(ReceiptTariff {
            id: TariffId::from_uuid(id),
            prices: prices_from_row(&names)?,
            valid_from: names.try_get("valid_from")?,
        }),
        None => None,
    };
    let alias: Option<String> = names.try_get(4)?;
    Ok(Receipt {
        user_id,
        api_key_id: names.try_get::<_, Option<Uuid>>(1)?.map(ApiKeyId::from_uuid),
        key_prefix: names.try_get(2)?,
        model_id: names.try_get::<_, Option<Uuid>>(3)?.map(ModelId::from_uuid),
        model: alias.or_else(|| dimensions.request_model.clone()),
        tariff,
        batch_id: names.try_get("batch_id")?,
        custom_id: names.try_get("custom_id")?,
        row,
        dimensions,
    })
}
