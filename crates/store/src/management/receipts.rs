//! One request, whole: what was used, at which tariff, and what it came to.
//!
//! A request is found by the id that its response carried, without an index on anything but its identity: one probe for each day that
//! has sums. What was left after it is reckoned back from the balance by the hourly sums; only records of its own hour are read, which lie
//! in one day's partition.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use tollgate_domain::{ApiKeyId, CorrelationId, Credits, InstanceId, ModelId, PriceList, TariffId, UserId};
use uuid::Uuid;

use crate::tariff_row::{PRICE_COLUMNS, prices_from_row};
use crate::usage_dimensions::{self, Dimensions};
use crate::usage_records::{self, RecordKey, UsageRow};
use crate::{StoreError, Tx};

/// The database stops looking for what was left after a request once this long has gone by: a receipt is worth having without it.
pub const BALANCE_TIMEOUT: Duration = Duration::from_secs(5);

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

/// A balance before and after an entry of the ledger, in credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// After the entry that stands before it.
    pub before: Credits,
    /// What was left.
    pub after: Credits,
}

/// What was left before and after the entry of this record, as [`super::ledger`] shows it: the sum of all entries of its user up to it, by time
/// and then id, as they are in the books now. `None` where the record is no entry. Its transaction must have one snapshot: balance,
/// sums and records belong together. Bound it by [`BALANCE_TIMEOUT`]: of the record's own day all records are read.
pub async fn passage(tx: &Tx, key: RecordKey) -> Result<Option<Passage>, StoreError> {
    let sql = "with entry as (
             select r.user_no, u.id as user_id, r.requested_at, r.amount_pico,
                    date_trunc('hour', r.requested_at, 'UTC') + interval '1 hour' as hour_ends,
                    'usage:' || r.day || '/' || r.instance_no || '/' || r.correlation_id as id
             from usage_records r join users u on u.no = r.user_no
             where r.day = $1 and r.instance_no = $2 and r.correlation_id = $3 and r.amount_pico > 0),
         later as (
             select coalesce((select sum(m.amount * movement_sign(m.type)) from credit_movements m
                              where m.user_id = e.user_id
                                and (m.created_at, m.id::text collate \"C\") > (e.requested_at, e.id collate \"C\")), 0) as moved,
                    coalesce((select sum(s.amount_pico) from usage_rollups s
                              where s.user_no = e.user_no and s.hour >= e.hour_ends), 0)
                    + coalesce((select sum(r.amount_pico) from usage_records r
                                where r.day = $1 and r.user_no = e.user_no and r.amount_pico > 0
                                  and r.requested_at >= e.requested_at and r.requested_at < e.hour_ends
                                  and (r.requested_at > e.requested_at
                                       or ('usage:' || r.day || '/' || r.instance_no || '/' || r.correlation_id)
                                          collate \"C\" > e.id collate \"C\")), 0) as used_pico
             from entry e)
         select (b.balance - l.moved + l.used_pico * 0.000000000001)::numeric(28, 12) as after,
                (e.amount_pico * 0.000000000001)::numeric(28, 12) as amount
         from entry e join user_balances b on b.user_no = e.user_no cross join later l";
    let RecordKey { day, instance_no, correlation_id } = key;
    let Some(row) = tx.query_opt(sql, &[&day, &instance_no, &correlation_id.get()]).await? else {
        return Ok(None);
    };
    let credits = |column: usize| -> Result<Credits, StoreError> {
        Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
    };
    let after = credits(0)?;
    Ok(Some(Passage { before: after.checked_add(credits(1)?)?, after }))
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
