//! What a benchmark asks a PostgreSQL server, and the limits that it is measured against.
//!
//! The limit is a binary COPY of the rows that Tollgate itself wrote, in bytes made before the clock starts: into a table like
//! Tollgate's own, and into one without any index or check. No client can be quicker than that at the same batch size.

use std::{pin::pin, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::{Client, NoTls};

use crate::database::until_alone;

/// Columns of `usage_records`, the identity first: there it has a fixed place in the bytes of a row.
const COLUMNS: &str = "day, instance_no, correlation_id, requested_at, amount_pico, batch_created_at, raw_digest, \
     rated_digest, user_no, key_no, model_no, tariff_no, pricing_epoch, dimensions_no, duration_ms, first_byte_ms, \
     prompt_tokens, completion_tokens, total_tokens, reasoning_tokens, cache_read_tokens, cache_write_5m_tokens, \
     cache_write_1h_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, status_code, flags, state, \
     usage_source";
/// In a row: the number of columns (2 bytes), the day (4 and 4), the length of the number (4), the number.
const INSTANCE_NO_AT: usize = 2 + 8 + 4;
/// Signature, flags and length of an extension that nobody has.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Size of a message of COPY, as Tollgate sends it.
const CHUNK_BYTES: usize = 128 * 1024;

/// A connection of the benchmark's own.
#[derive(Debug)]
pub struct Gauge {
    client: Client,
}

/// Bytes that tables and their indexes take on the disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sizes {
    /// `usage_records` without indexes.
    pub records_heap: i64,
    /// The indexes of `usage_records`.
    pub records_index: i64,
    /// `usage_details`, with its index.
    pub details: i64,
    /// `usage_rollups` and `user_balances`, with their indexes.
    pub sums: i64,
}

/// Where the limit is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `usage_records`: partitioned, with its primary key, its checks and its triggers.
    SameTable,
    /// The same columns, and nothing else.
    Bare,
}

/// Rows of `usage_records` in the bytes in which COPY takes them.
#[derive(Debug, Clone)]
pub struct CopyRows {
    rows: Arc<Vec<Bytes>>,
}

impl CopyRows {
    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The same rows as another instance's, so that they can be written once more; in batches, each the bytes of one COPY.
    pub fn batches(&self, instance_no: i32, batch_size: usize) -> Vec<Vec<Bytes>> {
        self.rows.chunks(batch_size).map(|rows| messages(rows, instance_no)).collect()
    }
}

/// One COPY in messages.
fn messages(rows: &[Bytes], instance_no: i32) -> Vec<Bytes> {
    let mut messages = Vec::new();
    let mut buffer = BytesMut::with_capacity(2 * CHUNK_BYTES);
    buffer.put_slice(HEADER);
    for row in rows {
        let number_at = buffer.len() + INSTANCE_NO_AT;
        buffer.put_slice(row);
        buffer[number_at..number_at + 4].copy_from_slice(&instance_no.to_be_bytes());
        if buffer.len() >= CHUNK_BYTES {
            messages.push(buffer.split().freeze());
        }
    }
    buffer.put_i16(-1);
    messages.push(buffer.freeze());
    messages
}

/// The rows in what COPY sends.
fn rows_of(mut bytes: Bytes) -> Vec<Bytes> {
    let mut rows = Vec::new();
    drop(bytes.split_to(HEADER.len()));
    while let Some(end) = row_length(&bytes) {
        rows.push(bytes.split_to(end));
    }
    rows
}

fn row_length(bytes: &[u8]) -> Option<usize> {
    let (count, _) = bytes.split_first_chunk::<2>()?;
    // Minus one: the trailer.
    let columns = u16::try_from(i16::from_be_bytes(*count)).ok()?;
    let mut at = 2;
    for _ in 0..columns {
        let length = i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        at += 4 + usize::try_from(length).unwrap_or(0);
    }
    Some(at)
}

impl Gauge {
    /// Connects.
    pub async fn connect(url: &str) -> Self {
        Self { client: connect(url).await }
    }

    /// How far in its log the server is, in bytes.
    pub async fn wal_bytes(&self) -> i64 {
        self.number("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").await
    }

    /// Writes what is dirty, so that a measurement does not pay for the one before.
    pub async fn checkpoint(&self) {
        self.client.batch_execute("checkpoint").await.unwrap();
    }

    /// Rows in `usage_records`.
    pub async fn records(&self) -> i64 {
        self.number("select count(*) from usage_records").await
    }

    /// The highest number of an instance.
    pub async fn last_instance(&self) -> i32 {
        self.client.query_one("select coalesce(max(no), 0) from instances", &[]).await.unwrap().get(0)
    }

    /// What the tables take.
    pub async fn sizes(&self) -> Sizes {
        let tree = |table: &str, measure: &str| {
            format!("(select coalesce(sum({measure}(relid)), 0)::bigint from pg_partition_tree('{table}'))")
        };
        let sql = format!(
            "select {}, {}, {}, pg_total_relation_size('usage_rollups') + pg_total_relation_size('user_balances')",
            tree("usage_records", "pg_table_size"),
            tree("usage_records", "pg_indexes_size"),
            tree("usage_details", "pg_total_relation_size"),
        );
        let row = self.client.query_one(&sql, &[]).await.unwrap();
        Sizes { records_heap: row.get(0), records_index: row.get(1), details: row.get(2), sums: row.get(3) }
    }

    /// Version and the settings that decide how fast it is.
    pub async fn settings(&self) -> Vec<(String, String)> {
        let sql = "select name, current_setting(name) from pg_settings where name in ('server_version', 'fsync', \
                   'synchronous_commit', 'full_page_writes', 'wal_level', 'wal_compression', 'shared_buffers', \
                   'max_wal_size', 'checkpoint_timeout', 'autovacuum', 'track_commit_timestamp') order by name";
        let rows = self.client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Copies a database. Whoever is connected to it is disconnected.
    pub async fn copy_database(&self, from: &str, to: &str) {
        let version: i32 = self.setting("server_version_num").await.parse().unwrap();
        // By files where that is not the only way: through the log, it would fill that with what is not measured.
        let strategy = if version >= 150_000 { "strategy file_copy" } else { "" };
        let sql = format!("create database {to} template {from} {strategy}");
        until_alone(&self.client, from, &sql).await;
    }

    /// The rows that an instance has in `usage_records`.
    pub async fn rows_of_instance(&self, instance_no: i32) -> CopyRows {
        let sql = format!(
            "copy (select {COLUMNS} from usage_records where instance_no = {instance_no}) to stdout (format binary)"
        );
        let stream = self.client.copy_out(sql.as_str()).await.unwrap();
        let bytes = stream
            .try_fold(BytesMut::new(), async |mut all, chunk| {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .unwrap();
        CopyRows { rows: Arc::new(rows_of(bytes.freeze())) }
    }

    /// Makes the bare table, empty.
    pub async fn make_bare_table(&self) {
        let sql = "drop table if exists bare_records; create table bare_records (like usage_records)";
        self.client.batch_execute(sql).await.unwrap();
    }

    async fn setting(&self, name: &str) -> String {
        self.client.query_one("select current_setting($1)", &[&name]).await.unwrap().get(0)
    }

    async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// Connections that copy.
#[derive(Debug)]
pub struct Copiers(Vec<Client>);

impl Copiers {
    /// So many connections.
    pub async fn connect(url: &str, connections: usize) -> Self {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            clients.push(connect(url).await);
        }
        Self(clients)
    }

    /// Copies the batches, each in a transaction of its own, over all connections at once.
    pub async fn copy(self, target: Target, batches: Vec<Vec<Bytes>>) {
        let table = match target {
            Target::SameTable => "usage_records",
            Target::Bare => "bare_records",
        };
        let queue = Arc::new(std::sync::Mutex::new(batches.into_iter()));
        let copying = self.0.into_iter().map(|client| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let sql = format!("copy {table} ({COLUMNS}) from stdin (format binary)");
                loop {
                    let Some(batch) = queue.lock().unwrap().next() else { return };
                    let mut sink = pin!(client.copy_in(sql.as_str()).await.unwrap());
                    for message in batch {
                        sink.feed(message).await.unwrap();
                    }
                    sink.finish().await.unwrap();
                }
            })
        });
        for copied in copying.collect::<Vec<_>>() {
            copied.await.unwrap();
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}
