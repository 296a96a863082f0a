//! A fresh database with a store on it, and the shortest ways to fill it.

use jiff::Timestamp;
use tollgate_domain::{Credits, ManualClock, MasterKey, PriceList};
use tollgate_store::movements::{self, Applied, MovementKind, NewMovement};
use tollgate_store::tariffs::WantedTariff;
use tollgate_store::users::{self, User, UserKind};
use tollgate_store::{Store, StoreConfig, StoreError, endpoints, models};
use tollgate_testkit::TestDatabase;

/// Who the audit log says did it.
pub(crate) const ACTOR: &str = "test";

pub(crate) struct Books {
    pub(crate) store: Store,
    pub(crate) master: MasterKey,
    pub(crate) clock: ManualClock,
    // Last: dropped after the store's connections.
    _database: TestDatabase,
}

impl Books {
    pub(crate) async fn open() -> Self {
        Self::open_with(|config| config).await
    }

    pub(crate) async fn open_with(configure: impl FnOnce(StoreConfig) -> StoreConfig) -> Self {
        let database = TestDatabase::create().await;
        Self {
            store: Store::connect(&configure(StoreConfig::new(database.url()))).unwrap(),
            master: MasterKey::from_bytes([9; 32]),
            clock: ManualClock::new(at(0)),
            _database: database,
        }
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        self.store
            .tx("user", async |tx| users::create(&tx, name, UserKind::Individual, ACTOR).await)
            .await
            .unwrap()
    }

    /// A model `m` on an endpoint without credential.
    pub(crate) async fn model(&self) {
        let endpoint = endpoints::NewEndpoint::new("up", "http://upstream.test");
        self.store
            .tx("model", async |tx| {
                endpoints::create(&tx, &self.master, &endpoint, ACTOR).await?;
                models::create(&tx, "m", "up", None, ACTOR).await
            })
            .await
            .unwrap();
    }

    pub(crate) async fn grant(&self, user: &str, amount: &str, source: &str) -> Result<Applied, StoreError> {
        self.movement(user, MovementKind::AdminGrant, amount, source).await
    }

    pub(crate) async fn movement(
        &self,
        user: &str,
        kind: MovementKind,
        amount: &str,
        source: &str,
    ) -> Result<Applied, StoreError> {
        let new = NewMovement {
            user: user.to_owned(),
            kind,
            amount: credits(amount),
            source_id: source.to_owned(),
            description: if kind == MovementKind::Adjustment { "a reason" } else { "" }.to_owned(),
        };
        self.store.tx("movement", async |tx| movements::apply(&tx, &new, ACTOR).await).await
    }

    /// Runs one statement and returns the class and text of its failure.
    pub(crate) async fn failure(&self, sql: &str) -> StoreError {
        self.store.tx("statement", async |tx| Ok(tx.batch_execute(sql).await?)).await.unwrap_err()
    }

    pub(crate) async fn text(&self, sql: &str) -> Option<String> {
        self.store.tx("read", async |tx| Ok(tx.query_one(sql, &[]).await?.try_get(0)?)).await.unwrap()
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) fn credits(text: &str) -> Credits {
    text.parse().unwrap()
}

pub(crate) fn wanted(input: &str, output: &str) -> WantedTariff {
    let prices = PriceList {
        input_price: input.parse().unwrap(),
        output_price: output.parse().unwrap(),
        ..PriceList::default()
    };
    WantedTariff { prices, ..WantedTariff::default() }
}
