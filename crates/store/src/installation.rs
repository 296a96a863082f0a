//! `installation`: what all gateways of one database must agree on.
//!
//! A gateway with another master key would find no API key, unseal no credential, and write digests that the
//! audit takes for forgeries. So the database keeps a value derived from the key (not the key), by which the wrong one is
//! told at once.

use crate::{StoreError, Tx};

/// The check value of the master key in force; `None` in a database that has none yet.
pub async fn master_key_check(tx: &Tx) -> Result<Option<Vec<u8>>, StoreError> {
    let row = tx.query_opt("select master_key_check from installation", &[]).await?;
    row.map(|row| row.try_get(0).map_err(StoreError::from)).transpose()
}

/// Enters the check value where there is none yet, and returns the one in force, which another gateway may have entered.
pub async fn enter_master_key_check(tx: &Tx, check: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
    tx.execute(
        "insert into installation (master_key_check) values ($1) on conflict do nothing",
        &[&check.as_slice()],
    )
    .await?;
    Ok(tx.query_one("select master_key_check from installation", &[]).await?.try_get(0)?)
}
