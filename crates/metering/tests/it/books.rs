//! A database, a batcher on it, and the shortest ways to send a record and to read what became of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Batch, CorrelationId, Credential, Credits, InstanceId, ManualClock, MasterKey,
    Outcome, PriceList, RawAnalyticsRecord, StatedUsage, UsageSource,
};
use tollgate_metering::{AnalyticsBatcher, AnalyticsConfig, AnalyticsSender, Drained, RecordKeys, RunError};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_store::users::{self, UserKind};
use tollgate_store::{Store, StoreConfig, api_keys, endpoints, models};
use tollgate_testkit::TestDatabase;

/// Longest wait for something that takes milliseconds, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const ACTOR: &str = "test";

pub(crate) struct Books {
    pub(crate) store: Store,
    pub(crate) master: MasterKey,
    pub(crate) clock: Arc<ManualClock>,
    // Last: dropped after the store's connections.
    database: Option<TestDatabase>,
}

/// A batcher that runs.
pub(crate) struct Running {
    pub(crate) sender: AnalyticsSender,
    registry: Arc<Registry>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<Drained, RunError>>,
}

impl Running {
    /// Stops it and says how it ended.
    pub(crate) async fn stop(self) -> Result<Drained, RunError> {
        self.shutdown.cancel();
        self.task.await.unwrap()
    }

    /// Sends one record.
    pub(crate) async fn send(&self, record: RawAnalyticsRecord) {
        self.sender.send(record).await.unwrap();
    }

    /// Runs a batcher that was made before.
    pub(crate) fn start(batcher: AnalyticsBatcher, sender: AnalyticsSender, registry: Registry) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(batcher.run(shutdown.clone()));
        Self { sender, registry: Arc::new(registry), shutdown, task }
    }

    /// Its metrics, which outlive it.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// The value of a sample in its metrics.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        sample(&self.registry, name)
    }
}

/// The value of a sample, such as `tollgate_credits_duplicates_total`.
pub(crate) fn sample(registry: &Registry, name: &str) -> f64 {
    let text = metrics_text(registry);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

pub(crate) fn metrics_text(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    text
}

/// The instant that tests begin at.
pub(crate) fn start() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

impl Books {
    pub(crate) async fn open() -> Self {
        let database = TestDatabase::create().await;
        Self::at(database.url().to_owned(), Some(database))
    }

    /// Books on a database of somebody else.
    pub(crate) fn at(url: String, database: Option<TestDatabase>) -> Self {
        Self::on(&StoreConfig::new(url), database)
    }

    /// Books on a database of somebody else, with settings of their own for the way to it.
    pub(crate) fn on(config: &StoreConfig, database: Option<TestDatabase>) -> Self {
        Self {
            store: Store::connect(config).unwrap(),
            master: MasterKey::from_bytes([9; 32]),
            clock: Arc::new(ManualClock::new(start())),
            database,
        }
    }

    /// Its database, where it is its own.
    pub(crate) fn database(&self) -> &TestDatabase {
        self.database.as_ref().unwrap()
    }

    /// Where its database is, if it is its own.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.database.as_ref().map(TestDatabase::url)
    }

    pub(crate) fn keys(&self) -> RecordKeys {
        RecordKeys::derive(&self.master)
    }

    /// A batcher with the usual settings.
    pub(crate) fn run(&self) -> Running {
        self.run_with(AnalyticsConfig::default())
    }

    pub(crate) fn run_with(&self, config: AnalyticsConfig) -> Running {
        let (batcher, sender, registry) = self.batcher(config);
        Running::start(batcher, sender, registry)
    }

    /// A batcher that does not run yet.
    pub(crate) fn batcher(&self, config: AnalyticsConfig) -> (AnalyticsBatcher, AnalyticsSender, Registry) {
        let mut registry = Registry::default();
        let clock = Arc::clone(&self.clock) as _;
        let (batcher, sender) =
            AnalyticsBatcher::new(self.store.clone(), config, clock, self.keys(), &mut registry);
        (batcher, sender, registry)
    }

    /// A user with `credits` to spend.
    pub(crate) async fn user(&self, name: &str, credits: &str) {
        let grant = NewMovement {
            user: name.to_owned(),
            kind: MovementKind::AdminGrant,
            amount: if credits == "0" { "1".parse().unwrap() } else { credits.parse().unwrap() },
            source_id: format!("first grant of {name}"),
            description: String::new(),
        };
        self.store
            .tx("user", async |tx| {
                users::create(&tx, name, UserKind::Individual, ACTOR).await?;
                if credits != "0" {
                    movements::apply(&tx, &grant, ACTOR).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    pub(crate) async fn key(&self, user: &str, purpose: ApiKeyPurpose) -> ApiKeyId {
        self.key_and_secret(user, purpose).await.0
    }

    pub(crate) async fn key_and_secret(&self, user: &str, purpose: ApiKeyPurpose) -> (ApiKeyId, String) {
        let new = api_keys::NewApiKey {
            user: user.to_owned(),
            purpose,
            trusted: true,
            name: String::new(),
            created_by: None,
        };
        let created = self
            .store
            .tx("key", async |tx| api_keys::create(&tx, &self.master, &new, ACTOR).await)
            .await
            .unwrap();
        (created.key.id, created.secret.expose().to_owned())
    }

    pub(crate) async fn revoke(&self, key: ApiKeyId) {
        let key = key.to_string();
        self.store.tx("revoke", async |tx| api_keys::revoke(&tx, &key, ACTOR).await).await.unwrap();
    }

    /// A model on an endpoint of its own.
    pub(crate) async fn model(&self, alias: &str) {
        let mut endpoint = endpoints::NewEndpoint::new(format!("up-{alias}"), "http://upstream.test");
        endpoint.provider_name = Some("acme".to_owned());
        self.store
            .tx("model", async |tx| {
                endpoints::create(&tx, &self.master, &endpoint, ACTOR).await?;
                models::create(&tx, alias, &endpoint.name, None, ACTOR).await
            })
            .await
            .unwrap();
    }

    /// Sets the price of one purpose and window, from long ago on unless said otherwise.
    pub(crate) async fn tariff(&self, model: &str, tariff: WantedTariff) {
        self.store
            .tx("tariff", async |tx| tariffs::set(&tx, model, &tariff, self.clock.as_ref(), ACTOR).await)
            .await
            .unwrap();
    }

    pub(crate) async fn balance(&self, user: &str) -> Credits {
        let sql =
            "select balance::text from user_balances b join users u on u.no = b.user_no where u.name = $1";
        self.text_with(sql, &[&user]).await.parse().unwrap()
    }

    /// How many rows a query counts.
    pub(crate) async fn count(&self, from: &str) -> i64 {
        let sql = format!("select count(*) from {from}");
        self.store.tx("count", async |tx| Ok(tx.query_one(&sql, &[]).await?.try_get(0)?)).await.unwrap()
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.text_with(sql, &[]).await
    }

    pub(crate) async fn text_with(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> String {
        let found: Option<String> = self
            .store
            .tx("text", async |tx| Ok(tx.query_one(sql, parameters).await?.try_get(0)?))
            .await
            .unwrap();
        found.unwrap_or_else(|| "null".to_owned())
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.store.tx("execute", async |tx| Ok(tx.batch_execute(sql).await?)).await.unwrap();
    }

    /// Waits until the query counts `expected` rows.
    pub(crate) async fn wait_for_count(&self, from: &str, expected: i64) {
        let in_time = self.wait_until(from, |count| count == expected).await;
        assert!(in_time, "{from}: expected {expected}, found {}", self.count(from).await);
    }

    /// Waits until the query counts more than `floor` rows.
    pub(crate) async fn wait_for_more_than(&self, from: &str, floor: i64) {
        let in_time = self.wait_until(from, |count| count > floor).await;
        assert!(in_time, "{from}: expected more than {floor}, found {}", self.count(from).await);
    }

    async fn wait_until(&self, from: &str, is_met: impl Fn(i64) -> bool) -> bool {
        let sql = format!("select count(*) from {from}");
        let waiting = async {
            loop {
                // The database may be away: that is what some tests are about.
                let found =
                    self.store.tx("count", async |tx| Ok(tx.query_one(&sql, &[]).await?.try_get(0)?)).await;
                match found {
                    Ok(count) if is_met(count) => return,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.is_ok()
    }
}

/// A tariff that has been in force for long.
pub(crate) fn price(input: &str, output: &str) -> WantedTariff {
    WantedTariff {
        prices: PriceList {
            input_price: input.parse().unwrap(),
            output_price: output.parse().unwrap(),
            ..PriceList::default()
        },
        valid_from: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        ..WantedTariff::default()
    }
}

/// Makes records of one instance.
pub(crate) struct Recorder {
    pub(crate) instance_id: InstanceId,
    next: i64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self::of(InstanceId::generate())
    }

    pub(crate) fn of(instance_id: InstanceId) -> Self {
        Self { instance_id, next: 1 }
    }

    /// A chat completion that went well.
    pub(crate) fn record(
        &mut self,
        credential: Credential,
        model: &str,
        prompt: i64,
        completion: i64,
    ) -> RawAnalyticsRecord {
        let correlation_id = CorrelationId::new(self.next);
        self.next += 1;
        RawAnalyticsRecord {
            instance_id: self.instance_id,
            correlation_id,
            timestamp: start(),
            method: "POST".to_owned(),
            uri: "/v1/chat/completions".to_owned(),
            model_id: None,
            request_model: Some(model.to_owned()),
            response_model: Some(format!("{model}-2026")),
            status_code: 200,
            duration_ms: 1200,
            duration_to_first_byte_ms: Some(200),
            usage: StatedUsage {
                prompt_tokens: Some(prompt),
                completion_tokens: Some(completion),
                total_tokens: Some(prompt + completion),
                ..StatedUsage::default()
            },
            usage_source: UsageSource::Provider,
            outcome: Outcome::Completed,
            response_type: "chat_completion".to_owned(),
            finish_reason: Some("stop".to_owned()),
            user_agent: Some("tests/1.0".to_owned()),
            server_address: Some("upstream.test".to_owned()),
            server_port: Some(443),
            served_by: Some("gateway-1".to_owned()),
            credential,
            batch: Batch::default(),
            trace_id: None,
        }
    }
}
