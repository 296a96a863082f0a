//! `usage_dimensions`: everything about a request that repeats, one row per combination, numbered.
//!
//! Rows are written ahead of the records that refer to them, in a transaction of their own, and never change: a
//! number that was handed out stays good whatever becomes of the flush.

use std::borrow::Cow;
use std::collections::HashMap;

use tokio_postgres::Row;
use tollgate_domain::{ApiKeyPurpose, Outcome, RecordDigest};
use uuid::Uuid;

use crate::usage_commits::{self, Mark};
use crate::{StoreError, Tx};

/// One combination. Texts are as stored: truncated, free of NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimensions {
    /// HTTP method.
    pub method: String,
    /// Route template.
    pub uri: String,
    /// The alias that was asked for.
    pub request_model: Option<String>,
    /// The model that the response named.
    pub response_model: Option<String>,
    /// Kind of response.
    pub response_type: String,
    /// As the provider said it.
    pub finish_reason: Option<String>,
    /// See [`Outcome`].
    pub outcome: Cow<'static, str>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// Host of the upstream.
    pub server_address: Option<String>,
    /// Port of the upstream.
    pub server_port: Option<i32>,
    /// The gateway that served it.
    pub served_by: Option<String>,
    /// Provider of the upstream, as its endpoint names it.
    pub provider_name: Option<String>,
    /// See [`tollgate_domain::AccessSource`].
    pub access_source: Cow<'static, str>,
    /// See [`ApiKeyPurpose`].
    pub api_key_purpose: Option<Cow<'static, str>>,
    /// See [`tollgate_domain::RequestOrigin`].
    pub request_origin: Cow<'static, str>,
    /// Completion window of the batch; decides the tariff.
    pub batch_completion_window: Option<String>,
    /// Where the batch came from.
    pub batch_request_source: Option<String>,
}

impl Dimensions {
    /// The purpose of the key, by which the tariff is chosen.
    pub fn purpose(&self) -> Option<ApiKeyPurpose> {
        self.api_key_purpose.as_deref().map(ApiKeyPurpose::from_stored)
    }

    /// How the request ended; what is no known outcome completed.
    pub fn outcome(&self) -> Outcome {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == self.outcome)
            .unwrap_or(Outcome::Completed)
    }
}

const COLUMNS: &str = "method, uri, request_model, response_model, response_type, finish_reason, outcome, user_agent, \
     server_address, server_port, served_by, provider_name, access_source, api_key_purpose, request_origin, \
     batch_completion_window, batch_request_source";

/// The numbers of these combinations, in the order given; new ones are written.
pub async fn intern(tx: &Tx, wanted: &[(RecordDigest, &Dimensions)]) -> Result<Vec<i32>, StoreError> {
    let mut numbers = numbers_of(tx, wanted.iter().map(|(fingerprint, _)| *fingerprint)).await?;
    let mut missing: Vec<_> =
        wanted.iter().filter(|(fingerprint, _)| !numbers.contains_key(fingerprint)).collect();
    if !missing.is_empty() {
        // Sorted, so that two who write the same combinations do not wait for each other in a circle.
        missing.sort_by_key(|(fingerprint, _)| *fingerprint);
        insert(tx, &missing).await?;
        // Read again: another transaction may have written some of them first.
        numbers.extend(numbers_of(tx, missing.iter().map(|(fingerprint, _)| *fingerprint)).await?);
    }
    wanted
        .iter()
        .map(|(fingerprint, _)| {
            numbers.get(fingerprint).copied().ok_or_else(|| {
                StoreError::Corrupt("a dimension that was just written is not there".to_owned())
            })
        })
        .collect()
}

async fn numbers_of(
    tx: &Tx,
    fingerprints: impl Iterator<Item = RecordDigest>,
) -> Result<HashMap<RecordDigest, i32>, StoreError> {
    let fingerprints: Vec<_> = fingerprints.map(uuid).collect();
    let statement =
        tx.prepare_cached("select fingerprint, no from usage_dimensions where fingerprint = any($1)").await?;
    let rows = tx.query(&statement, &[&fingerprints]).await?;
    rows.iter().map(|row| Ok((digest(row.try_get(0)?), row.try_get(1)?))).collect()
}

/// The number of every combination, by fingerprint. How many there are is capped by who writes them.
pub async fn numbers(tx: &Tx) -> Result<HashMap<RecordDigest, i32>, StoreError> {
    let rows = tx.query("select fingerprint, no from usage_dimensions", &[]).await?;
    rows.iter().map(|row| Ok((digest(row.try_get(0)?), row.try_get(1)?))).collect()
}

async fn insert(tx: &Tx, missing: &[&(RecordDigest, &Dimensions)]) -> Result<(), StoreError> {
    fn column<'a, T: 'a>(
        rows: &[&(RecordDigest, &'a Dimensions)],
        value: impl Fn(&'a Dimensions) -> T,
    ) -> Vec<T> {
        rows.iter().map(|(_, dimensions)| value(dimensions)).collect()
    }
    let sql = format!(
        "insert into usage_dimensions (fingerprint, {COLUMNS})
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                              $8::text[], $9::text[], $10::text[], $11::int[], $12::text[], $13::text[], $14::text[],
                              $15::text[], $16::text[], $17::text[], $18::text[])
         on conflict (fingerprint) do nothing"
    );
    let statement = tx.prepare_cached(&sql).await?;
    let fingerprints: Vec<_> = missing.iter().map(|(fingerprint, _)| uuid(*fingerprint)).collect();
    tx.execute(
        &statement,
        &[
            &fingerprints,
            &column(missing, |row| row.method.as_str()),
            &column(missing, |row| row.uri.as_str()),
            &column(missing, |row| row.request_model.as_deref()),
            &column(missing, |row| row.response_model.as_deref()),
            &column(missing, |row| row.response_type.as_str()),
            &column(missing, |row| row.finish_reason.as_deref()),
            &column(missing, |row| row.outcome.as_ref()),
            &column(missing, |row| row.user_agent.as_deref()),
            &column(missing, |row| row.server_address.as_deref()),
            &column(missing, |row| row.server_port),
            &column(missing, |row| row.served_by.as_deref()),
            &column(missing, |row| row.provider_name.as_deref()),
            &column(missing, |row| row.access_source.as_ref()),
            &column(missing, |row| row.api_key_purpose.as_deref()),
            &column(missing, |row| row.request_origin.as_ref()),
            &column(missing, |row| row.batch_completion_window.as_deref()),
            &column(missing, |row| row.batch_request_source.as_deref()),
        ],
    )
    .await?;
    Ok(())
}

/// How many combinations there are.
pub async fn count(tx: &Tx) -> Result<i64, StoreError> {
    Ok(tx.query_one("select count(*) from usage_dimensions", &[]).await?.try_get(0)?)
}

/// The combinations with these numbers.
pub async fn by_no(tx: &Tx, numbers: &[i32]) -> Result<HashMap<i32, Dimensions>, StoreError> {
    let sql = format!("select no, fingerprint, {COLUMNS} from usage_dimensions where no = any($1)");
    let rows = tx.query(&sql, &[&numbers]).await?;
    rows.iter().map(read).map(|row| row.map(|(no, _, dimensions)| (no, dimensions))).collect()
}

/// Every combination with its number and fingerprint. Their number is capped by who writes them.
pub async fn all(tx: &Tx) -> Result<Vec<(i32, RecordDigest, Dimensions)>, StoreError> {
    let sql = format!("select no, fingerprint, {COLUMNS} from usage_dimensions");
    tx.query(&sql, &[]).await?.iter().map(read).collect()
}

/// The combinations that were written between the marks.
pub async fn written_since(
    tx: &Tx,
    earlier: &Mark,
    now: &Mark,
) -> Result<Vec<(i32, RecordDigest, Dimensions)>, StoreError> {
    let is_new = usage_commits::written_since("d", earlier, now);
    let sql = format!("select no, fingerprint, {COLUMNS} from usage_dimensions d where {is_new}");
    tx.query(&sql, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(i32, RecordDigest, Dimensions), StoreError> {
    let dimensions = Dimensions {
        method: row.try_get(2)?,
        uri: row.try_get(3)?,
        request_model: row.try_get(4)?,
        response_model: row.try_get(5)?,
        response_type: row.try_get(6)?,
        finish_reason: row.try_get(7)?,
        outcome: Cow::Owned(row.try_get(8)?),
        user_agent: row.try_get(9)?,
        server_address: row.try_get(10)?,
        server_port: row.try_get(11)?,
        served_by: row.try_get(12)?,
        provider_name: row.try_get(13)?,
        access_source: Cow::Owned(row.try_get(14)?),
        api_key_purpose: row.try_get::<_, Option<String>>(15)?.map(Cow::Owned),
        request_origin: Cow::Owned(row.try_get(16)?),
        batch_completion_window: row.try_get(17)?,
        batch_request_source: row.try_get(18)?,
    };
    Ok((row.try_get(0)?, digest(row.try_get(1)?), dimensions))
}

fn uuid(digest: RecordDigest) -> Uuid {
    Uuid::from_bytes(digest.as_bytes())
}

fn digest(uuid: Uuid) -> RecordDigest {
    RecordDigest::from_bytes(uuid.into_bytes())
}
