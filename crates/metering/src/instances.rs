//! Numbers of instances, remembered.

use std::collections::HashMap;

use parking_lot::Mutex;
use tollgate_domain::InstanceId;
use tollgate_store::{Store, StoreError, instances};

/// Nearly always one instance, and a few at a replay; past this many the memory starts again.
const MAX_REMEMBERED: usize = 10_000;

/// Numbers of the instances seen so far.
#[derive(Debug, Default)]
pub(crate) struct Instances(Mutex<HashMap<InstanceId, i32>>);

impl Instances {
    pub(crate) async fn number(&self, store: &Store, id: InstanceId) -> Result<i32, StoreError> {
        if let Some(number) = self.0.lock().get(&id) {
            return Ok(*number);
        }
        let number = store.tx("intern_instance", async |tx| instances::intern(&tx, id).await).await?;
        let mut numbers = self.0.lock();
        if numbers.len() >= MAX_REMEMBERED {
            numbers.clear();
        }
        numbers.insert(id, number);
        Ok(number)
    }
}
