//! Numbers of instances, remembered for as long as the server that gave them answers.

use std::collections::HashMap;

use parking_lot::Mutex;
use tollgate_domain::InstanceId;
use tollgate_store::{ServerRun, Store, StoreError, instances};

/// Nearly always one instance, and a few at a replay; past this many the memory starts again.
const MAX_REMEMBERED: usize = 10_000;

/// Numbers of the instances seen so far.
#[derive(Debug, Default)]
pub(crate) struct Instances(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// Who gave the numbers. A standby that was promoted may never have had them, and give them to others.
    server: ServerRun,
    numbers: HashMap<InstanceId, i32>,
}

impl Instances {
    /// The number of the instance on `server`.
    pub(crate) async fn number(
        &self,
        store: &Store,
        server: ServerRun,
        id: InstanceId,
    ) -> Result<i32, StoreError> {
        {
            let remembered = self.0.lock();
            if remembered.server == server
                && let Some(number) = remembered.numbers.get(&id)
            {
                return Ok(*number);
            }
        }
        let (number, given_by) = store
            .tx("intern_instance", async |tx| Ok((instances::intern(&tx, id).await?, tx.server())))
            .await?;
        let mut remembered = self.0.lock();
        if remembered.server != given_by || remembered.numbers.len() >= MAX_REMEMBERED {
            *remembered = Remembered { server: given_by, numbers: HashMap::new() };
        }
        remembered.numbers.insert(id, number);
        Ok(number)
    }
}
