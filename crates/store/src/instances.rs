//! `instances`: the streams of records, and how far each is in the books.

use tokio_postgres::Row;
use tollgate_domain::InstanceId;

use crate::{StoreError, Tx};

/// How far in an instance's log its books reach, and what they have counted up to there.
///
/// `admitted` = `finished` + `interrupted` + those that are still open at that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogMark {
    /// Every entry of the log before this number is in the books. Zero: none.
    pub log_position: i64,
    /// Requests that were admitted.
    pub admitted: i64,
    /// Requests that ended, each in the books or in quarantine.
    pub finished: i64,
    /// Requests that the gateway's own end interrupted, settled since; in the books as well.
    pub interrupted: i64,
}

/// Where the books of one instance stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stand {
    /// The last of its finished requests that they include.
    pub committed_position: i64,
    /// How far they are in its log.
    pub mark: LogMark,
}

/// The number of the instance, which is entered when it is new.
pub async fn intern(tx: &Tx, id: InstanceId) -> Result<i32, StoreError> {
    const FIND: &str = "select no from instances where id = $1";
    let id = id.as_uuid();
    if let Some(row) = tx.query_opt(FIND, &[&id]).await? {
        return Ok(row.try_get(0)?);
    }
    tx.execute("insert into instances (id) values ($1) on conflict (id) do nothing", &[&id]).await?;
    Ok(tx.query_one(FIND, &[&id]).await?.try_get(0)?)
}

/// Where the books of an instance stand; `None` when this database does not know it.
pub async fn stand(tx: &Tx, id: InstanceId) -> Result<Option<Stand>, StoreError> {
    let sql = "select committed_position, log_position, admitted, finished, interrupted from instances where id = $1";
    tx.query_opt(sql, &[&id.as_uuid()]).await?.as_ref().map(read_stand).transpose()
}

fn read_stand(row: &Row) -> Result<Stand, StoreError> {
    Ok(Stand {
        committed_position: row.try_get(0)?,
        mark: LogMark {
            log_position: row.try_get(1)?,
            admitted: row.try_get(2)?,
            finished: row.try_get(3)?,
            interrupted: row.try_get(4)?,
        },
    })
}

/// Enters an instance whose log was read elsewhere up to `log_position`: its books begin there.
pub async fn adopt(tx: &Tx, id: InstanceId, log_position: i64) -> Result<(), StoreError> {
    let sql = "insert into instances (id, log_position) values ($1, $2) on conflict (id) do nothing";
    tx.execute(sql, &[&id.as_uuid(), &log_position]).await?;
    Ok(())
}

/// Sets how far in the instance's log its books reach, back too: for a log that has lost its end, and will use its numbers again.
pub async fn reset_log(tx: &Tx, id: InstanceId, log_position: i64) -> Result<(), StoreError> {
    let sql = "update instances set log_position = $2 where id = $1";
    tx.execute(sql, &[&id.as_uuid(), &log_position]).await?;
    Ok(())
}

/// Says that every position of the instance up to and including `position` is in the books. Never goes back.
///
/// By id, not by number: a number that was remembered from before a failover may be that of another instance by now.
pub async fn advance(tx: &Tx, id: InstanceId, position: i64) -> Result<(), StoreError> {
    let id = id.as_uuid();
    let advance = tx
        .prepare_cached(
            "update instances set committed_position = greatest(committed_position, $2) where id = $1",
        )
        .await?;
    if tx.execute(&advance, &[&id, &position]).await? == 0 {
        // Entered only where it is missing: an upsert would use up a number with each flush.
        tx.execute(
            "insert into instances (id, committed_position) values ($1, $2)
             on conflict (id) do update
             set committed_position = greatest(instances.committed_position, excluded.committed_position)",
            &[&id, &position],
        )
        .await?;
    }
    Ok(())
}

/// The same of an instance with a log, and how far in it the books reach. Never goes back.
///
/// `committed` is the log position that the caller saw committed last. `false`, and nothing is said, when the database is behind
/// it: then it has lost commits.
pub async fn advance_in_log(
    tx: &Tx,
    id: InstanceId,
    position: i64,
    mark: LogMark,
    committed: i64,
) -> Result<bool, StoreError> {
    let id = id.as_uuid();
    let LogMark { log_position, admitted, finished, interrupted } = mark;
    let advance = tx
        .prepare_cached(
            "update instances
                set committed_position = greatest(committed_position, $2), log_position = greatest(log_position, $3),
                    admitted = greatest(admitted, $4), finished = greatest(finished, $5),
                    interrupted = greatest(interrupted, $6)
              where id = $1 and log_position >= $7",
        )
        .await?;
    let updated = tx
        .execute(&advance, &[&id, &position, &log_position, &admitted, &finished, &interrupted, &committed])
        .await?;
    if updated > 0 || committed > 0 {
        return Ok(updated > 0);
    }
    // A database that never had the instance, or has lost it.
    let enter =
        "insert into instances (id, committed_position, log_position, admitted, finished, interrupted)
                 values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing";
    let entered =
        tx.execute(enter, &[&id, &position, &log_position, &admitted, &finished, &interrupted]).await?;
    Ok(entered > 0)
}

/// An instance, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// Its number in the books.
    pub no: i32,
    /// The instance.
    pub id: InstanceId,
    /// See [`advance`] and [`advance_in_log`].
    pub stand: Stand,
    /// Its records in quarantine, those that were written off included.
    pub quarantined: i64,
}

/// Every instance that there ever was, by number.
pub async fn list(tx: &Tx) -> Result<Vec<Instance>, StoreError> {
    let sql = "select committed_position, log_position, admitted, finished, interrupted, no, id,
                      (select count(*) from quarantine q where q.instance_id = i.id)
               from instances i order by no";
    let instance = |row: &Row| {
        Ok(Instance {
            stand: read_stand(row)?,
            no: row.try_get(5)?,
            id: InstanceId::from_uuid(row.try_get(6)?),
            quarantined: row.try_get(7)?,
        })
    };
    tx.query(sql, &[]).await?.iter().map(instance).collect()
}
