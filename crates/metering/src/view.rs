//! The cached catalog that records are enriched from.
//!
//! It is exact where money is: a flush compares the pricing epoch under the lock and takes a newer catalog when it moved.
//! A miss costs nothing either: only a moved configuration epoch makes a missing key worth looking for again. And nothing that was read
//! from one server is used on another: a standby that was promoted may lack the last commits of its predecessor.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};
use tollgate_store::catalog::{self, Catalog};
use tollgate_store::epochs::Epochs;
use tollgate_store::{Store, StoreError};

/// A change of configuration that no record in hand depends on (a revocation, a new user) may be this old.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// The catalog as last read.
#[derive(Debug, Default)]
pub(crate) struct CatalogView(Mutex<Cached>);

#[derive(Debug, Default)]
struct Cached {
    catalog: Option<Arc<Catalog>>,
    read_at: Option<Instant>,
    outdated: bool,
}

impl CatalogView {
    /// The catalog, read again when there is none or it is known to be old.
    pub(crate) async fn get(&self, store: &Store) -> Result<Arc<Catalog>, StoreError> {
        match self.known() {
            Some(catalog) => Ok(catalog),
            None => self.refresh(store).await,
        }
    }

    /// The catalog as it was read last, if it is not known to be old.
    pub(crate) fn known(&self) -> Option<Arc<Catalog>> {
        let cached = self.0.lock();
        let is_recent = cached.read_at.is_some_and(|at| at.elapsed() < REFRESH_INTERVAL);
        cached.catalog.clone().filter(|_| !cached.outdated || is_recent)
    }

    /// Reads the catalog now.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<Arc<Catalog>, StoreError> {
        let catalog =
            Arc::new(store.tx_repeatable_read("load_catalog", async |tx| catalog::load(&tx).await).await?);
        let mut cached = self.0.lock();
        *cached =
            Cached { catalog: Some(Arc::clone(&catalog)), read_at: Some(Instant::now()), outdated: false };
        Ok(catalog)
    }

    /// A transaction saw this epoch of the configuration.
    pub(crate) fn note(&self, catalog: &Catalog, config_epoch: i64) {
        if catalog.config_epoch != config_epoch {
            self.0.lock().outdated = true;
        }
    }

    /// A transaction saw these epochs; is `catalog` too old for what it was used for?
    pub(crate) fn is_stale(&self, catalog: &Catalog, seen: Epochs, missed: bool) -> bool {
        self.note(catalog, seen.config);
        catalog.server != seen.server
            || catalog.pricing_epoch != seen.pricing
            || (missed && catalog.config_epoch != seen.config)
    }
}
