//! `instances`: the streams of records, and how far each is in the books.

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
