//! `quarantine`: records that the books refuse, with the reason. Replayed once mended, or written off by name.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::Row;
use tollgate_domain::{CorrelationId, InstanceId, RecordDigest};
use uuid::Uuid;

use crate::utc::UtcDay;
use crate::{StoreError, Tx, audit_log};

/// A record on its way in.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Identity.
    pub instance_id: InstanceId,
    /// Identity.
    pub correlation_id: CorrelationId,
    /// Identity; the nearest day that PostgreSQL stores where the record's own is out of range.
    pub day: UtcDay,
    /// Digest of the record: with the identity it makes the row unique, so a replay adds none.
    pub raw_digest: RecordDigest,
    /// The record as JSON.
    pub payload: Vec<u8>,
    /// Why, in words.
    pub reason: String,
    /// What PostgreSQL called it, where PostgreSQL refused it.
    pub sqlstate: Option<String>,
}

/// A record in quarantine.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// By which it is replayed or written off.
    pub id: Uuid,
    /// Identity of the record.
    pub instance_id: InstanceId,
    /// Identity of the record.
    pub correlation_id: CorrelationId,
    /// Identity of the record.
    pub day: UtcDay,
    /// Digest of the record.
    pub raw_digest: RecordDigest,
    /// The record as JSON.
    pub payload: Vec<u8>,
    /// Why it was refused.
    pub reason: String,
    /// What PostgreSQL called it.
    pub sqlstate: Option<String>,
    /// Since when.
    pub quarantined_at: Timestamp,
    /// When it was given up.
    pub written_off_at: Option<Timestamp>,
    /// Who gave it up.
    pub written_off_by: Option<String>,
}

const COLUMNS: &str = "id, instance_id, correlation_id, day, raw_digest, payload, reason, sqlstate, quarantined_at, \
     written_off_at, written_off_by";

/// Enters the records and returns how many were new; those that are there already stay as they are.
pub async fn insert(tx: &Tx, refused: &[Refused]) -> Result<u64, StoreError> {
    let mut entered = 0;
    for record in refused {
        entered += tx
            .execute(
                "insert into quarantine
                     (id, instance_id, correlation_id, day, raw_digest, payload, reason, sqlstate)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)
                 on conflict (instance_id, correlation_id, raw_digest) do nothing",
                &[
                    &Uuid::now_v7(),
                    &record.instance_id.as_uuid(),
                    &record.correlation_id.get(),
                    &record.day,
                    &Uuid::from_bytes(record.raw_digest.as_bytes()),
                    &record.payload,
                    &record.reason,
                    &record.sqlstate,
                ],
            )
            .await?;
    }
    Ok(entered)
}

/// A record that stands in quarantine, by what names it.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The row.
    pub id: Uuid,
    /// Its place among those that were asked for.
    pub index: usize,
    /// It was given up, and stays that.
    pub is_written_off: bool,
}

/// Which of these records stand in quarantine with just these contents. The rows are locked.
pub async fn standing(
    tx: &Tx,
    records: &[(InstanceId, CorrelationId, RecordDigest)],
) -> Result<Vec<Standing>, StoreError> {
    let instances: Vec<Uuid> = records.iter().map(|(instance, ..)| instance.as_uuid()).collect();
    let correlations: Vec<i64> = records.iter().map(|(_, correlation, _)| correlation.get()).collect();
    let digests: Vec<Uuid> = records.iter().map(|(.., digest)| Uuid::from_bytes(digest.as_bytes())).collect();
    let statement = tx
        .prepare_cached(
            "select q.id, k.place - 1, q.written_off_at is not null
             from unnest($1::uuid[], $2::bigint[], $3::uuid[]) with ordinality
                  as k (instance_id, correlation_id, raw_digest, place)
             join quarantine q using (instance_id, correlation_id, raw_digest)
             order by q.id for update of q",
        )
        .await?;
    let rows = tx.query(&statement, &[&instances, &correlations, &digests]).await?;
    let standing = |row: &Row| {
        let index = usize::try_from(row.try_get::<_, i64>(1)?)
            .map_err(|_| StoreError::Corrupt("a place below zero".to_owned()))?;
        Ok(Standing { id: row.try_get(0)?, index, is_written_off: row.try_get(2)? })
    };
    rows.iter().map(standing).collect()
}

/// Removes records that are in the books now.
pub async fn release(tx: &Tx, ids: &[Uuid]) -> Result<(), StoreError> {
    if !ids.is_empty() {
        tx.execute("delete from quarantine where id = any($1) and written_off_at is null", &[&ids]).await?;
    }
    Ok(())
}

/// The newest `limit` records, with those written off where `with_written_off`.
pub async fn list(tx: &Tx, with_written_off: bool, limit: i64) -> Result<Vec<Quarantined>, StoreError> {
    let sql = format!(
        "select {COLUMNS} from quarantine where $1 or written_off_at is null order by quarantined_at desc, id desc limit $2"
    );
    tx.query(&sql, &[&with_written_off, &limit]).await?.iter().map(read).collect()
}

/// The record, whether it waits or was given up.
pub async fn find(tx: &Tx, id: Uuid) -> Result<Option<Quarantined>, StoreError> {
    let sql = format!("select {COLUMNS} from quarantine where id = $1");
    tx.query_opt(&sql, &[&id]).await?.as_ref().map(read).transpose()
}

/// Removes the record, unless it was written off, so that it can be written to the books in the same transaction.
pub async fn take(tx: &Tx, id: Uuid) -> Result<Option<Quarantined>, StoreError> {
    let sql = format!("delete from quarantine where id = $1 and written_off_at is null returning {COLUMNS}");
    tx.query_opt(&sql, &[&id]).await?.as_ref().map(read).transpose()
}

/// Gives the record up, in `by`'s name; `false` when it is not there or was given up before.
pub async fn write_off(tx: &Tx, id: Uuid, by: &str, actor: &str) -> Result<bool, StoreError> {
    let sql = format!(
        "update quarantine set written_off_at = clock_timestamp(), written_off_by = $2
         where id = $1 and written_off_at is null returning {COLUMNS}"
    );
    let Some(row) = tx.query_opt(&sql, &[&id, &by]).await? else { return Ok(false) };
    let given_up = read(&row)?;
    let after = json!({ "written_off_at": given_up.written_off_at, "written_off_by": by });
    audit_log::write(
        tx,
        actor,
        "quarantine.write_off",
        &id.to_string(),
        Some(logged(&given_up)),
        Some(after),
    )
    .await?;
    Ok(true)
}

/// Enters into the log of changes that somebody had the record, which was [taken](take), written to the books; in the same transaction.
pub async fn log_replay(tx: &Tx, taken: &Quarantined, outcome: &str, actor: &str) -> Result<(), StoreError> {
    let after = json!({ "outcome": outcome });
    let subject = taken.id.to_string();
    audit_log::write(tx, actor, "quarantine.replay", &subject, Some(logged(taken)), Some(after)).await
}

/// What the log of changes says of a record: which it is and why it was refused, and nothing of its contents.
fn logged(record: &Quarantined) -> Value {
    json!({
        "instance_id": record.instance_id,
        "correlation_id": record.correlation_id,
        "day": record.day.to_string(),
        "reason": record.reason,
        "quarantined_at": record.quarantined_at,
    })
}

/// How many records wait to be replayed or written off.
pub async fn count(tx: &Tx) -> Result<i64, StoreError> {
    let row = tx.query_one("select count(*) from quarantine where written_off_at is null", &[]).await?;
    Ok(row.try_get(0)?)
}

fn read(row: &Row) -> Result<Quarantined, StoreError> {
    Ok(Quarantined {
        id: row.try_get(0)?,
        instance_id: InstanceId::from_uuid(row.try_get(1)?),
        correlation_id: CorrelationId::new(row.try_get(2)?),
        day: row.try_get(3)?,
        raw_digest: RecordDigest::from_bytes(row.try_get::<_, Uuid>(4)?.into_bytes()),
        payload: row.try_get(5)?,
        reason: row.try_get(6)?,
        sqlstate: row.try_get(7)?,
        quarantined_at: row.try_get(8)?,
        written_off_at: row.try_get(9)?,
        written_off_by: row.try_get(10)?,
    })
}
