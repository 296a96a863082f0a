//! The SQLite file: three tables, one connection, every statement of the spool.
//!
//! ```sql
//! groups           (sequence INTEGER PRIMARY KEY, records INTEGER, payload BLOB)  -- dense; a commit writes one, or some
//! acknowledgements (sequence INTEGER PRIMARY KEY, body BLOB)                      -- time, bitmap, CRC
//! state            (id INTEGER PRIMARY KEY = 1, body BLOB)                        -- see `state`
//! ```
//!
//! A group that is wholly acknowledged may have no row: it was given up when space was short. A payload without bytes stands for a
//! group that was lost.
//!
//! The write-ahead log is never checkpointed behind our back, neither on commit nor on close: SQLite ignores an fsync that
//! fails in a checkpoint of its own and tries it again, which is the one thing that must not happen.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OptionalExtension, config::DbConfig, params};
use tollgate_failpoints::{Point, hit};

use crate::{
    Durability, SpoolError,
    index::{Acknowledged, Bitmap},
    state::State,
};

const SCHEMA: &str = "
    CREATE TABLE groups (sequence INTEGER PRIMARY KEY, records INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE acknowledgements (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL);";
/// Pages in the write-ahead log at which it is folded into the database: 4 MiB, SQLite's own default.
const CHECKPOINT_PAGES: u64 = 1000;
const PAGE_BYTES: u64 = 4096;
/// Pages that a small commit writes: a leaf of each table, and the root.
const PAGES_PER_COMMIT: u64 = 3;
/// Where the file of the log is cut after a fold.
const LOG_SIZE_LIMIT_BYTES: u64 = 8 * 1024 * 1024;

/// The connection.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    log_pages: u64,
}

/// What one transaction does.
#[derive(Debug, Default)]
pub(crate) struct Transaction<'a> {
    /// Sequence, number of records, payload.
    pub(crate) groups: &'a [(u64, u16, Vec<u8>)],
    pub(crate) acknowledged: Vec<(u64, Acknowledged)>,
    pub(crate) acknowledged_at_micros: i64,
    pub(crate) state: Option<State>,
    pub(crate) release: Vec<u64>,
    /// All groups below this are forgotten.
    pub(crate) forget_below: Option<u64>,
    /// All groups from this one on go, and leave no trace in the file.
    pub(crate) void_from: Option<u64>,
}

/// A group's row, without its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) sequence: i64,
    pub(crate) records: u16,
    pub(crate) empty: bool,
}

/// A stored acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) at_micros: i64,
    pub(crate) acknowledged: Acknowledged,
}

impl Database {
    /// Open the file, or memory. A file without tables is given them.
    pub(crate) fn open(path: Option<&Path>, durability: Durability) -> Result<Self, SpoolError> {
        let connection = match path {
            Some(path) => Connection::open(path),
            None => Connection::open_in_memory(),
        }
        .map_err(SpoolError::sqlite("open the database of the spool"))?;
        let synchronous = match durability {
            Durability::Fsync => "FULL",
            Durability::Os => "NORMAL",
            Durability::Memory => "OFF",
        };
        let configure = || {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "cell_size_check", true)?;
            if path.is_some() {
                connection.pragma_update(None, "journal_mode", "WAL")?;
            }
            connection.pragma_update(None, "synchronous", synchronous)?;
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            connection.pragma_update(
                None,
                "journal_size_limit",
                i64::try_from(LOG_SIZE_LIMIT_BYTES).unwrap_or(i64::MAX),
            )?;
            let tables: i64 =
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 {
                connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"))?;
            }
            Ok(())
        };
        configure().map_err(SpoolError::sqlite("set up the database of the spool"))?;
        Ok(Self { connection, log_pages: CHECKPOINT_PAGES })
    }

    /// Every group's row, in the order of the file, given to `each` until one cannot be read. Reads every leaf page, so damage of
    /// the structure shows.
    pub(crate) fn rows(&self, mut each: impl FnMut(Row)) -> Result<(), SpoolError> {
        let mut read = || {
            let mut statement = self
                .connection
                .prepare("SELECT sequence, records, length(payload) FROM groups ORDER BY sequence")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(Row {
                    sequence: row.get(0)?,
                    records: row
                        .get::<_, i64>(1)
                        .ok()
                        .and_then(|records| u16::try_from(records).ok())
                        .unwrap_or(0),
                    empty: matches!(row.get::<_, i64>(2), Ok(0)),
                });
            }
            Ok(())
        };
        read().map_err(SpoolError::sqlite("read the groups of the spool"))
    }

    /// Many groups in one transaction, for a database that is built anew.
    pub(crate) fn insert_all(
        &mut self,
        groups: impl Iterator<Item = Result<(u64, u16, Vec<u8>), SpoolError>>,
    ) -> Result<(), SpoolError> {
        let transaction =
            self.connection.transaction().map_err(SpoolError::sqlite("build the spool anew"))?;
        for group in groups {
            let (sequence, records, payload) = group?;
            transaction
                .prepare_cached("INSERT INTO groups (sequence, records, payload) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![sequence.cast_signed(), records, payload]))
                .map_err(SpoolError::sqlite("build the spool anew"))?;
        }
        transaction.commit().map_err(SpoolError::sqlite("build the spool anew"))
    }

    /// Every stored acknowledgement; `None` for one that is damaged.
    pub(crate) fn acknowledgements(&self) -> Result<Vec<(u64, Option<Stored>)>, SpoolError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT sequence, body FROM acknowledgements")?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let sequence = row.get::<_, i64>(0)?;
                let stored = row.get_ref(1)?.as_bytes().ok().and_then(|body| Stored::decode(sequence, body));
                all.push((sequence.cast_unsigned(), stored));
            }
            Ok(all)
        };
        read().map_err(SpoolError::sqlite("read the acknowledgements of the spool"))
    }

    /// When a group was acknowledged, if it was, wholly or in part.
    pub(crate) fn acknowledgement(&self, sequence: u64) -> Result<Option<Stored>, SpoolError> {
        let read = || {
            let mut statement =
                self.connection.prepare_cached("SELECT body FROM acknowledgements WHERE sequence = ?1")?;
            statement
                .query_row([sequence.cast_signed()], |row| {
                    Ok(row
                        .get_ref(0)?
                        .as_bytes()
                        .ok()
                        .and_then(|body| Stored::decode(sequence.cast_signed(), body)))
                })
                .optional()
        };
        Ok(read().map_err(SpoolError::sqlite("read an acknowledgement of the spool"))?.flatten())
    }

    /// The state, if it is there and whole.
    pub(crate) fn state(&self) -> Result<Option<State>, SpoolError> {
        let read = || {
            self.connection
                .query_row("SELECT body FROM state WHERE id = 1", [], |row| {
                    Ok(row.get_ref(0)?.as_bytes().unwrap_or_default().to_vec())
                })
                .optional()
        };
        let body: Option<Vec<u8>> = read().map_err(SpoolError::sqlite("read the state of the spool"))?;
        body.map_or(Ok(None), |body| State::decode(&body))
    }

    /// A group's payload.
    pub(crate) fn payload(&self, sequence: u64) -> Result<Option<Vec<u8>>, SpoolError> {
        let read = || {
            let mut statement =
                self.connection.prepare_cached("SELECT payload FROM groups WHERE sequence = ?1")?;
            statement
                .query_row([sequence.cast_signed()], |row| {
                    Ok(row.get_ref(0)?.as_bytes().unwrap_or_default().to_vec())
                })
                .optional()
        };
        read().map_err(SpoolError::sqlite("read a group of the spool"))
    }

    /// All or nothing.
    pub(crate) fn write(&mut self, what: &Transaction<'_>) -> Result<(), SpoolError> {
        self.write_all(what).map_err(SpoolError::sqlite("commit to the spool"))?;
        let bytes: u64 = what.groups.iter().map(|(_, _, payload)| payload.len() as u64).sum();
        self.log_pages += PAGES_PER_COMMIT
            + bytes / PAGE_BYTES
            + (what.acknowledged.len() + what.release.len()) as u64 / 8
            + u64::from(what.forget_below.is_some()) * 64;
        Ok(())
    }

    fn write_all(&mut self, what: &Transaction<'_>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for (sequence, records, payload) in what.groups {
            transaction
                .prepare_cached("INSERT INTO groups (sequence, records, payload) VALUES (?1, ?2, ?3)")?
                .execute(params![sequence.cast_signed(), records, payload])?;
        }
        for (sequence, acknowledged) in &what.acknowledged {
            let stored = Stored { at_micros: what.acknowledged_at_micros, acknowledged: *acknowledged };
            transaction
                .prepare_cached("INSERT OR REPLACE INTO acknowledgements (sequence, body) VALUES (?1, ?2)")?
                .execute(params![sequence.cast_signed(), stored.encode(*sequence)])?;
        }
        for sequence in &what.release {
            transaction
                .prepare_cached("DELETE FROM groups WHERE sequence = ?1")?
                .execute([sequence.cast_signed()])?;
        }
        if let Some(first) = what.forget_below {
            transaction.execute("DELETE FROM groups WHERE sequence < ?1", [first.cast_signed()])?;
            transaction.execute("DELETE FROM acknowledgements WHERE sequence < ?1", [first.cast_signed()])?;
        }
        if let Some(from) = what.void_from {
            // What was deleted stays in the file otherwise, and building anew would find it there, by a number that is given again.
            transaction.pragma_update(None, "secure_delete", true)?;
            transaction.execute("DELETE FROM groups WHERE sequence >= ?1", [from.cast_signed()])?;
            transaction.execute("DELETE FROM acknowledgements WHERE sequence >= ?1", [from.cast_signed()])?;
            transaction.pragma_update(None, "secure_delete", false)?;
        }
        if let Some(state) = &what.state {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO state (id, body) VALUES (1, ?1)")?
                .execute([state.encode().as_slice()])?;
        }
        if !what.groups.is_empty() {
            hit(Point::SpoolInsideCommit);
        }
        transaction.commit()
    }

    /// Fold the log into the database when it is long. An error other than a full disk must poison the spool.
    pub(crate) fn checkpoint_if_due(&mut self) -> Result<(), SpoolError> {
        if self.log_pages < CHECKPOINT_PAGES {
            return Ok(());
        }
        self.checkpoint("PASSIVE")
    }

    /// Fold all of the log into the database and empty its file.
    pub(crate) fn checkpoint_whole(&mut self) -> Result<(), SpoolError> {
        self.checkpoint("TRUNCATE")
    }

    fn checkpoint(&mut self, mode: &str) -> Result<(), SpoolError> {
        hit(Point::SpoolFolding);
        self.connection
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
            .map_err(SpoolError::sqlite("fold the log of the spool into its database"))?;
        self.log_pages = 0;
        hit(Point::SpoolFolded);
        Ok(())
    }

    /// Bytes of pages in use, and of pages that are free for use again.
    pub(crate) fn measure(&self) -> Result<(u64, u64), SpoolError> {
        let read = || {
            let mut pages = self.connection.prepare_cached("PRAGMA page_count")?;
            let mut free = self.connection.prepare_cached("PRAGMA freelist_count")?;
            let pages: i64 = pages.query_row([], |row| row.get(0))?;
            let free: i64 = free.query_row([], |row| row.get(0))?;
            Ok(((pages - free).max(0).cast_unsigned() * PAGE_BYTES, free.max(0).cast_unsigned() * PAGE_BYTES))
        };
        read().map_err(SpoolError::sqlite("measure the spool"))
    }

    /// Close, without touching the log.
    pub(crate) fn close(self) -> Result<(), SpoolError> {
        self.connection
            .close()
            .map_err(|(_, error)| SpoolError::sqlite("close the database of the spool")(error))
    }
}

impl Stored {
    /// Time (8), then nothing or the bitmap (32), then the CRC-32C of the sequence and what is before (4).
    fn encode(self, sequence: u64) -> Vec<u8> {
        let mut body = self.at_micros.to_le_bytes().to_vec();
        if let Acknowledged::Partly(bitmap) = self.acknowledged {
            body.extend(bitmap.iter().flat_map(|word| word.to_le_bytes()));
        }
        let crc = crc32c::crc32c_append(crc32c::crc32c(&sequence.to_le_bytes()), &body);
        body.extend_from_slice(&crc.to_le_bytes());
        body
    }

    fn decode(sequence: i64, body: &[u8]) -> Option<Self> {
        let (content, crc) = body.split_last_chunk::<4>()?;
        if crc32c::crc32c_append(crc32c::crc32c(&sequence.to_le_bytes()), content).to_le_bytes() != *crc {
            return None;
        }
        let (at, words) = content.split_first_chunk::<8>()?;
        let mut bitmap = Bitmap::default();
        let acknowledged = if words.is_empty() {
            Acknowledged::Wholly
        } else {
            let words = words.as_chunks::<8>().0;
            if words.len() != bitmap.len() {
                return None;
            }
            for (to, from) in bitmap.iter_mut().zip(words) {
                *to = u64::from_le_bytes(*from);
            }
            Acknowledged::Partly(bitmap)
        };
        Some(Self { at_micros: i64::from_le_bytes(*at), acknowledged })
    }
}

/// Whether an error of one row is damage of that row, and not of the disk or the program.
pub(crate) fn is_damage_of_a_row(error: &SpoolError) -> bool {
    error.is_corruption()
        || matches!(error, SpoolError::Sqlite { source, .. }
            if matches!(source.sqlite_error_code(), None | Some(ErrorCode::TypeMismatch | ErrorCode::TooBig)))
}
