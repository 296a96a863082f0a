//! Rows going in, and the one transition they may make.

use std::pin::pin;

use bytes::BytesMut;
use futures_util::SinkExt;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use tollgate_domain::{CorrelationId, RecordDigest, UsageState};
use uuid::Uuid;

use super::encode::{self, COLUMNS, MAX_ROW_BYTES};
use super::{RecordKey, UsageRow, present, source_letter, state_letter};
use crate::utc::{UtcDay, UtcMicros};
use crate::{StoreError, Tx};

/// Rows are sent in pieces of about this size: large enough that a piece costs nothing, small enough to overlap
/// encoding with PostgreSQL's work.
const CHUNK_BYTES: usize = 128 * 1024;

/// Writes `rows` by COPY. Fails with `Duplicate` when any of them is there already, and then none is written.
pub async fn copy(tx: &Tx, rows: &[&UsageRow]) -> Result<(), StoreError> {
    copy_into(tx, "usage_records", rows).await
}

/// Writes those of `rows` that are not there yet and returns their keys. For large batches that may hold replays.
pub async fn insert_staged(tx: &Tx, rows: &[&UsageRow]) -> Result<Vec<RecordKey>, StoreError> {
    // `like` copies no partitioning, index, check or trigger: those apply where the rows go next.
    tx.batch_execute("create temp table usage_staging (like usage_records) on commit drop").await?;
    copy_into(tx, "usage_staging", rows).await?;
    let sql = format!(
        "insert into usage_records ({COLUMNS}) select {COLUMNS} from usage_staging
         order by day, instance_no, correlation_id on conflict do nothing returning day, instance_no, correlation_id"
    );
    keys(&tx.query(&sql, &[]).await?)
}

async fn copy_into(tx: &Tx, table: &str, rows: &[&UsageRow]) -> Result<(), StoreError> {
    let sql = format!("copy {table} ({COLUMNS}) from stdin (format binary)");
    let mut sink = pin!(tx.copy_in(sql.as_str()).await?);
    let capacity = CHUNK_BYTES.min(rows.len().saturating_mul(MAX_ROW_BYTES)) + 2 * MAX_ROW_BYTES;
    let mut buffer = BytesMut::with_capacity(capacity);
    encode::header(&mut buffer);
    for row in rows {
        encode::row(row, &mut buffer);
        if buffer.len() >= CHUNK_BYTES {
            sink.feed(buffer.split().freeze()).await?;
            buffer.reserve(capacity);
        }
    }
    encode::trailer(&mut buffer);
    sink.send(buffer.freeze()).await?;
    sink.finish().await?;
    Ok(())
}

/// Writes those of `rows` that are not there yet and returns their keys. For small batches: one statement.
pub async fn insert(tx: &Tx, rows: &[&UsageRow]) -> Result<Vec<RecordKey>, StoreError> {
    keys(&insert_by(tx, INSERT_MISSING, rows).await?)
}

/// Writes `rows`. Fails with `Duplicate` when any of them is there already, and then none is written. For small batches: one statement.
pub async fn insert_new(tx: &Tx, rows: &[&UsageRow]) -> Result<(), StoreError> {
    insert_by(tx, INSERT, rows).await.map(drop)
}

async fn insert_by(tx: &Tx, sql: &str, rows: &[&UsageRow]) -> Result<Vec<Row>, StoreError> {
    let statement = tx.prepare_cached(sql).await?;
    Ok(tx.query(&statement, &Columns::of(rows).parameters()).await?)
}

/// Rows as arrays of columns, in the order of `INSERT`.
pub(crate) struct Columns {
    requested_at: Vec<UtcMicros>,
    numbers: [Vec<i64>; 2],
    batch_created_at: Vec<Option<UtcMicros>>,
    digests: [Vec<Uuid>; 2],
    days: Vec<UtcDay>,
    instances: Vec<i32>,
    catalog: [Vec<Option<i32>>; 4],
    versions: [Vec<i32>; 3],
    counts: [Vec<Option<i32>>; 11],
    status_and_flags: [Vec<i16>; 2],
    letters: [Vec<i8>; 2],
}

impl Columns {
    pub(crate) fn of(rows: &[&UsageRow]) -> Self {
        fn column<T>(rows: &[&UsageRow], value: impl Fn(&UsageRow) -> T) -> Vec<T> {
            rows.iter().map(|row| value(row)).collect()
        }
        let digest = |digest: RecordDigest| Uuid::from_bytes(digest.as_bytes());
        // "char" is a signed byte to the driver; the letters are ASCII.
        let letter = u8::cast_signed;
        Self {
            requested_at: column(rows, |row| row.requested_at),
            numbers: [column(rows, |row| row.key.correlation_id.get()), column(rows, |row| row.amount_pico)],
            batch_created_at: column(rows, |row| row.batch_created_at),
            digests: [
                column(rows, |row| digest(row.raw_digest)),
                column(rows, |row| digest(row.rated_digest)),
            ],
            days: column(rows, |row| row.key.day),
            instances: column(rows, |row| row.key.instance_no),
            catalog: [
                column(rows, |row| row.user_no),
                column(rows, |row| row.key_no),
                column(rows, |row| row.model_no),
                column(rows, |row| row.tariff_no),
            ],
            versions: [
                column(rows, |row| row.pricing_epoch),
                column(rows, |row| row.dimensions_no),
                column(rows, |row| row.duration_ms),
            ],
            counts: [
                column(rows, |row| row.first_byte_ms),
                column(rows, |row| row.counts.prompt),
                column(rows, |row| row.counts.completion),
                column(rows, |row| row.counts.total),
                column(rows, |row| present(row.counts.reasoning)),
                column(rows, |row| present(row.counts.cache_read)),
                column(rows, |row| present(row.counts.cache_write_5m)),
                column(rows, |row| present(row.counts.cache_write_1h)),
                column(rows, |row| present(row.counts.audio_input)),
                column(rows, |row| present(row.counts.audio_output)),
                column(rows, |row| present(row.counts.image_input)),
            ],
            status_and_flags: [column(rows, |row| row.status_code), column(rows, |row| row.flags)],
            letters: [
                column(rows, |row| letter(state_letter(row.state))),
                column(rows, |row| letter(source_letter(row.usage_source))),
            ],
        }
    }

    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 30] {
        let [correlation_ids, amounts] = &self.numbers;
        let [raw_digests, rated_digests] = &self.digests;
        let [users, keys, models, tariffs] = &self.catalog;
        let [pricing_epochs, dimensions, durations] = &self.versions;
        let [
            first_bytes,
            prompt,
            completion,
            total,
            reasoning,
            read,
            written_5m,
            written_1h,
            audio_in,
            audio_out,
            image_in,
        ] = &self.counts;
        let [status_codes, flags] = &self.status_and_flags;
        let [states, sources] = &self.letters;
        [
            &self.requested_at,
            correlation_ids,
            amounts,
            &self.batch_created_at,
            raw_digests,
            rated_digests,
            &self.days,
            &self.instances,
            users,
            keys,
            models,
            tariffs,
            pricing_epochs,
            dimensions,
            durations,
            first_bytes,
            prompt,
            completion,
            total,
            reasoning,
            read,
            written_5m,
            written_1h,
            audio_in,
            audio_out,
            image_in,
            status_codes,
            flags,
            states,
            sources,
        ]
    }
}

macro_rules! insert {
    () => {
        r#"
    insert into usage_records (
        requested_at, correlation_id, amount_pico, batch_created_at, raw_digest, rated_digest, day, instance_no, user_no,
        key_no, model_no, tariff_no, pricing_epoch, dimensions_no, duration_ms, first_byte_ms, prompt_tokens,
        completion_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, status_code, flags, state,
        usage_source)
    select * from unnest(
        $1::timestamptz[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::date[], $8::int[],
        $9::int[], $10::int[], $11::int[], $12::int[], $13::int[], $14::int[], $15::int[], $16::int[], $17::int[],
        $18::int[], $19::int[], $20::int[], $21::int[], $22::int[], $23::int[], $24::int[], $25::int[], $26::int[],
        $27::smallint[], $28::smallint[], $29::"char"[], $30::"char"[])"#
    };
}
const INSERT: &str = insert!();
const INSERT_MISSING: &str =
    concat!(insert!(), " on conflict do nothing returning day, instance_no, correlation_id");

/// What rating an unrated row later settles.
#[derive(Debug, Clone, Copy)]
pub struct Settlement {
    /// Which row.
    pub key: RecordKey,
    /// The model, where the row had none yet.
    pub model_no: Option<i32>,
    /// The tariff chosen.
    pub tariff_no: Option<i32>,
    /// As of which version of all prices.
    pub pricing_epoch: i32,
    /// `charged` or `free`.
    pub state: UsageState,
    /// What is taken from the balance, in 10⁻¹² credit.
    pub amount_pico: i64,
    /// Digest of the row as it is afterwards.
    pub rated_digest: RecordDigest,
}

/// Settles those of the rows that are still unrated and returns their keys: of two who race, each row is one's only.
/// `settlements` must be sorted by key, so that two who race do not wait for each other in a circle.
pub async fn settle(tx: &Tx, settlements: &[Settlement]) -> Result<Vec<RecordKey>, StoreError> {
    fn column<T>(rows: &[Settlement], value: impl Fn(&Settlement) -> T) -> Vec<T> {
        rows.iter().map(value).collect()
    }
    // The inner query takes the row locks in key order; a row that another rater settled meanwhile is no longer `u`
    // when its lock is ours, and drops out.
    let statement = tx
        .prepare_cached(
            r#"with wanted as materialized (
                   select * from unnest($1::date[], $2::int[], $3::bigint[], $4::int[], $5::int[], $6::int[],
                                        $7::"char"[], $8::bigint[], $9::uuid[])
                       as w (day, instance_no, correlation_id, model_no, tariff_no, pricing_epoch, state, amount_pico,
                             rated_digest)),
               locked as materialized (
                   select r.day, r.instance_no, r.correlation_id from usage_records r
                   join wanted w on w.day = r.day and w.instance_no = r.instance_no
                                and w.correlation_id = r.correlation_id
                   where r.state = 'u' order by r.day, r.instance_no, r.correlation_id for update of r)
               update usage_records r
                  set model_no = w.model_no, tariff_no = w.tariff_no, pricing_epoch = w.pricing_epoch, state = w.state,
                      amount_pico = w.amount_pico, rated_digest = w.rated_digest
                 from wanted w, locked l
                where r.day = w.day and r.instance_no = w.instance_no and r.correlation_id = w.correlation_id
                  and l.day = w.day and l.instance_no = w.instance_no and l.correlation_id = w.correlation_id
                  and r.state = 'u'
               returning r.day, r.instance_no, r.correlation_id"#,
        )
        .await?;
    let settled = tx
        .query(
            &statement,
            &[
                &column(settlements, |row| row.key.day),
                &column(settlements, |row| row.key.instance_no),
                &column(settlements, |row| row.key.correlation_id.get()),
                &column(settlements, |row| row.model_no),
                &column(settlements, |row| row.tariff_no),
                &column(settlements, |row| row.pricing_epoch),
                &column(settlements, |row| state_letter(row.state).cast_signed()),
                &column(settlements, |row| row.amount_pico),
                &column(settlements, |row| Uuid::from_bytes(row.rated_digest.as_bytes())),
            ],
        )
        .await?;
    keys(&settled)
}

fn keys(rows: &[Row]) -> Result<Vec<RecordKey>, StoreError> {
    rows.iter()
        .map(|row| {
            Ok(RecordKey {
                day: row.try_get(0)?,
                instance_no: row.try_get(1)?,
                correlation_id: CorrelationId::new(row.try_get(2)?),
            })
        })
        .collect()
}
