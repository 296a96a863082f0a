//! What tests of outages share: books on a server of their own, a batcher that reaches them over some line, and what must hold
//! when the outage is over.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use tokio::time::interval;
use tokio_postgres::{Client, NoTls};
use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::{AnalyticsConfig, audit};
use tollgate_store::StoreConfig;
use tollgate_store::pricing::PRICING_LOCK;
use tollgate_testkit::CapturedLog;

use crate::books::{Books, PATIENCE, Recorder, Running, price, sample};

/// Between two records of [`Site::under_load`].
const PACE: Duration = Duration::from_millis(1);

/// What a client may hear first of a server's end.
pub(crate) const ENDS: [&str; 3] =
    ["the database cannot be reached", "is shutting down", "crashed and is recovering"];

/// Books and a batcher, which may reach them by another way than the test does.
pub(crate) struct Site {
    /// Read past whatever is between them and the batcher.
    pub(crate) books: Books,
    pub(crate) running: Running,
    pub(crate) recorder: Recorder,
    pub(crate) credential: Credential,
    sent: i64,
}

impl Site {
    /// Sets up the empty database at `direct`; the batcher reaches it by `line`. Returns when a first record is in the books, so
    /// that everything a batcher does once is done.
    pub(crate) async fn open(direct: String, line: &StoreConfig, config: AnalyticsConfig) -> Self {
        let books = Books::at(direct, None);
        books.store.migrate().await.unwrap();
        let credential = furnish(&books).await;
        let running = Books::on(line, None).run_with(config);
        let mut site = Self { books, running, recorder: Recorder::new(), credential, sent: 0 };
        site.send(1).await;
        site.books.wait_for_count("usage_records", 1).await;
        site
    }

    /// Sends records of 3 cents each.
    pub(crate) async fn send(&mut self, count: u32) {
        for _ in 0..count {
            self.running.send(self.recorder.record(self.credential, "m", 10, 10)).await;
            self.sent += 1;
        }
    }

    /// Sends records and holds their flush where it has begun its transaction, until [`Held::let_go`].
    pub(crate) async fn send_and_hold(&mut self, count: u32, direct: &str) -> Held {
        let (client, connection) = tokio_postgres::connect(direct, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("select pg_advisory_lock({PRICING_LOCK})")).await.unwrap();
        self.send(count).await;
        let waiting = "pg_locks where locktype = 'advisory' and not granted";
        self.books.wait_for_more_than(waiting, 0).await;
        Held(client)
    }

    /// Sends records at a steady pace until `fault` is over. While the channel is full none is taken, and none counted.
    pub(crate) async fn under_load<T>(&mut self, fault: impl Future<Output = T>) -> T {
        let mut fault = pin!(fault);
        let mut ticks = interval(PACE);
        loop {
            tokio::select! {
                biased;
                done = fault.as_mut() => return done,
                _ = ticks.tick() => {
                    if let Some(permit) = self.running.sender.try_reserve() {
                        permit.send(self.recorder.record(self.credential, "m", 10, 10));
                        self.sent += 1;
                    }
                }
            }
        }
    }

    /// Waits until everything that was sent is in the books, and prints how long that took since the database was back. The bound
    /// is loose: on a machine that is busy with other tests the figure says little.
    pub(crate) async fn drained(&self, fault: &str, back_at: Instant) {
        self.books.wait_for_count("usage_records", self.sent).await;
        let took = back_at.elapsed();
        eprintln!("{fault}: {} records, drained {:.2} s after its return", self.sent, took.as_secs_f64());
        assert!(took < PATIENCE, "{took:?}");
    }

    /// Stops the batcher: nothing that was sent is missing, double or set aside, and everything agrees.
    pub(crate) async fn close(self) {
        let registry = self.running.registry();
        let instance = self.running.sender.instance_id();
        let drained = self.running.stop().await.unwrap();
        assert_eq!(i64::try_from(drained.records), Ok(self.sent));
        assert_exact(&self.books, self.sent).await;
        let reached = format!("select committed_position::text from instances where id = '{instance}'");
        assert_eq!(self.books.text(&reached).await, self.sent.to_string());
        assert_eq!(sample(&registry, "tollgate_analytics_unaccounted"), 0.0);
        assert_eq!(sample(&registry, "tollgate_analytics_conflicts_total"), 0.0);
    }
}

/// Holds the lock that every flush takes first.
pub(crate) struct Held(Client);

impl Held {
    pub(crate) async fn let_go(self) {
        self.0.batch_execute(&format!("select pg_advisory_unlock({PRICING_LOCK})")).await.unwrap();
    }
}

/// A model, its price, and somebody who pays.
pub(crate) async fn furnish(books: &Books) -> Credential {
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    books.user("ada", "100000").await;
    Credential::Key(books.key("ada", ApiKeyPurpose::Realtime).await)
}

/// So many records of 3 cents are in the books, each once, and nothing else is.
pub(crate) async fn assert_exact(books: &Books, records: i64) {
    assert_eq!(books.count("usage_records").await, records);
    assert_eq!(books.count("quarantine").await, 0);
    let left = (100_000 * 100 - i128::from(3 * records)) * 10_000_000_000;
    assert_eq!(books.balance("ada").await.pico(), left);
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
    assert_eq!(i64::try_from(report.charged), Ok(records));
}

/// Waits until so many more tries of a flush have failed.
pub(crate) async fn wait_for_failures(registry: &Arc<Registry>, more: u32) {
    let failures = || sample(registry, "tollgate_analytics_batch_retries_total{outcome=\"retry\"}");
    let enough = failures() + f64::from(more);
    let waiting = async {
        while failures() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(in_time.is_ok(), "{} tries failed, not {enough}", failures());
}

/// One line says that the books cannot be written, and why; one that they are again. Nothing repeats itself.
pub(crate) fn assert_logged(log: &CapturedLog, reasons: &[&str]) {
    let [away] = &log.lines_with("the books cannot be written")[..] else {
        panic!("{:#?}", log.lines_with(""));
    };
    assert!(reasons.iter().any(|reason| away.contains(reason)), "{away}");
    assert_eq!(log.lines_with("the books are written again").len(), 1, "{:#?}", log.lines_with(""));
    assert_eq!(log.lines_with("deadpool"), [""; 0], "the pool has nothing to say");
}
