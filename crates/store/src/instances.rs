//! `instances`: the streams of records, and how far each is in the books.

use tokio_postgres::Row;
use tollgate_domain::InstanceId;

use crate::{StoreError, Tx};

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

/// Says that every position of the instance up to and including `position` is in the books. Never goes back.
pub async fn advance(tx: &Tx, instance_no: i32, position: i64) -> Result<(), StoreError> {
    let statement = tx
        .prepare_cached(
            "update instances set committed_position = greatest(committed_position, $2) where no = $1",
        )
        .await?;
    tx.execute(&statement, &[&instance_no, &position]).await?;
    Ok(())
}

/// An instance, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// Its number in the books.
    pub no: i32,
    /// The instance.
    pub id: InstanceId,
    /// See [`advance`].
    pub committed_position: i64,
    /// Its records in quarantine, those that were written off included.
    pub quarantined: i64,
}

/// Every instance that there ever was, by number.
pub async fn list(tx: &Tx) -> Result<Vec<Instance>, StoreError> {
    let sql = "select i.no, i.id, i.committed_position,
                      (select count(*) from quarantine q where q.instance_id = i.id)
               from instances i order by i.no";
    let instance = |row: &Row| {
        Ok(Instance {
            no: row.try_get(0)?,
            id: InstanceId::from_uuid(row.try_get(1)?),
            committed_position: row.try_get(2)?,
            quarantined: row.try_get(3)?,
        })
    };
    tx.query(sql, &[]).await?.iter().map(instance).collect()
}
