//! A gateway in front of a scripted upstream, with customers, models and prices.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, CorrelationId, Credits, EndpointId, InstanceId, ManualClock, MasterKey, ModelId,
    PriceList, RawAnalyticsRecord, Tariff, TariffId, UserId,
};
use tollgate_gateway::limit::{Limits, Subject};
use tollgate_gateway::recorder::{Durable, Finished, NoPlace, RecordSink, RecordSlot};
use tollgate_gateway::view::{
    AuthStyle, BalanceUpdate, Config, EndpointEntry, KeyEntry, LiveView, ModelEntry, OnDisconnect,
    OnMissingUsage, WhenSpent,
};
use tollgate_gateway::{Gateway, GatewayConfig};
use tollgate_testkit::ScriptedUpstream;
use uuid::Uuid;

/// What the upstream's operator gave us; no client ever sees it.
pub(crate) const UPSTREAM_SECRET: &str = "sk-upstream-secret";
/// Has ten credits.
pub(crate) const ALICE: &str = "tg-alice-secret";
/// Has none.
pub(crate) const BROKE: &str = "tg-broke-secret";
/// A batch runner with ten credits, trusted.
pub(crate) const RUNNER: &str = "tg-runner-secret";
/// Manages the platform.
pub(crate) const PLATFORM: &str = "tg-platform-secret";
/// Was Alice's until it was revoked.
pub(crate) const REVOKED: &str = "tg-revoked-secret";
/// Was Alice's until now, when another took its place.
pub(crate) const ENDED: &str = "tg-ended-secret";
/// Is Alice's for a second more.
pub(crate) const ENDING: &str = "tg-ending-secret";

/// The time that every test begins at.
pub(crate) const NOW: &str = "2026-03-01T12:00:00Z";

/// A gateway that serves on a port of its own until it is dropped.
pub(crate) struct House {
    pub(crate) upstream: ScriptedUpstream,
    pub(crate) view: Arc<LiveView>,
    pub(crate) gateway: Gateway,
    pub(crate) sink: Arc<MemorySink>,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: Option<tokio::task::JoinHandle<()>>,
    pub(crate) registry: Registry,
    pub(crate) client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) clock: Arc<ManualClock>,
    base_url: String,
    endpoint: fn(&mut EndpointEntry),
    when_spent: WhenSpent,
}

/// What may be different in a test.
pub(crate) struct Plan {
    pub(crate) config: GatewayConfig,
    pub(crate) capacity: usize,
    pub(crate) endpoint: fn(&mut EndpointEntry),
    /// Where the endpoint is, if not at the scripted upstream.
    pub(crate) base_url: Option<String>,
    /// Where records go, if not into [`House::sink`].
    pub(crate) sink: Option<Arc<dyn RecordSink>>,
    /// What becomes of alice's streams that outgrow the money.
    pub(crate) when_spent: WhenSpent,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            config: GatewayConfig::default(),
            capacity: 1000,
            endpoint: |_| {},
            base_url: None,
            sink: None,
            when_spent: WhenSpent::Finish,
        }
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("the header is text"))
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::from_uuid(Uuid::from_bytes(padded(name)))
}

pub(crate) fn key_id(name: &str) -> ApiKeyId {
    ApiKeyId::from_uuid(Uuid::from_bytes(padded(name)))
}

fn padded(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

pub(crate) fn credits(text: &str) -> Credits {
    text.parse().expect("an amount")
}

pub(crate) fn master_key() -> MasterKey {
    MasterKey::from_bytes([7; 32])
}

fn key(name: &str, secret: &str, purpose: ApiKeyPurpose) -> KeyEntry {
    KeyEntry {
        id: key_id(name),
        digest: master_key().key_digest(secret),
        user: user(name),
        purpose,
        trusted: false,
        revoked: false,
        when_spent: WhenSpent::Finish,
        revoke_at: None,
    }
}

fn replaced(name: &str, secret: &str, end: &str) -> KeyEntry {
    let revoke_at = Some(end.parse().expect("a time"));
    KeyEntry { user: user("alice"), revoke_at, ..key(name, secret, ApiKeyPurpose::Realtime) }
}

fn model(alias: &str, upstream_model: &str, endpoint: EndpointId) -> ModelEntry {
    ModelEntry {
        id: ModelId::generate(),
        alias: alias.to_owned(),
        endpoint,
        upstream_model: upstream_model.to_owned(),
        created_at: "2026-01-01T00:00:00Z".parse().expect("a time"),
    }
}

fn tariff(model: &ModelEntry, purpose: ApiKeyPurpose, window: Option<&str>, prices: [&str; 2]) -> Tariff {
    let [input, output] = prices.map(|price| price.parse().expect("a price"));
    Tariff {
        id: TariffId::generate(),
        model: model.id,
        purpose,
        completion_window: window.map(str::to_owned),
        prices: PriceList { input_price: input, output_price: output, ..PriceList::default() },
        valid_from: Timestamp::UNIX_EPOCH,
        valid_until: None,
    }
}

pub(crate) fn endpoint(name: &str, base_url: &str) -> EndpointEntry {
    EndpointEntry {
        id: EndpointId::generate(),
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        provider_name: Some("scripted".to_owned()),
        auth_style: AuthStyle::Bearer,
        secret: Some(SecretString::from(UPSTREAM_SECRET)),
        inject_usage: true,
        on_disconnect: OnDisconnect::Drain,
        on_missing_usage: OnMissingUsage::Estimate,
        path_templates: BTreeMap::new(),
        pass_through_paths: vec!["/v1/audio/transcriptions".to_owned(), "/v1/files/{id}".to_owned()],
        public_only: false,
    }
}

fn configuration(base_url: &str, change: fn(&mut EndpointEntry), when_spent: WhenSpent) -> Config {
    let mut main = endpoint("main", base_url);
    change(&mut main);
    let chat = model("chat", "upstream-chat", main.id);
    let free = model("free", "upstream-free", main.id);
    let unpriced = model("unpriced", "upstream-unpriced", main.id);
    let tariffs = vec![
        tariff(&chat, ApiKeyPurpose::Realtime, None, ["0.00001", "0.00003"]),
        tariff(&chat, ApiKeyPurpose::Batch, Some("24h"), ["0.000005", "0.000015"]),
        tariff(&free, ApiKeyPurpose::Realtime, None, ["0", "0"]),
    ];
    let keys = vec![
        KeyEntry { when_spent, ..key("alice", ALICE, ApiKeyPurpose::Realtime) },
        key("broke", BROKE, ApiKeyPurpose::Realtime),
        KeyEntry { trusted: true, ..key("runner", RUNNER, ApiKeyPurpose::Batch) },
        key("platform", PLATFORM, ApiKeyPurpose::Platform),
        KeyEntry { revoked: true, ..key("revoked", REVOKED, ApiKeyPurpose::Realtime) },
        replaced("ended", ENDED, NOW),
        replaced("ending", ENDING, "2026-03-01T12:00:01Z"),
    ];
    Config { keys, models: vec![chat, free, unpriced], endpoints: vec![main], tariffs, ..Config::default() }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(Plan::default()).await
    }

    pub(crate) async fn open_with(plan: Plan) -> Self {
        let upstream = ScriptedUpstream::start().await;
        let view = Arc::new(LiveView::new());
        let base_url = plan.base_url.unwrap_or_else(|| upstream.base_url());
        let problems = view.replace_config(configuration(&base_url, plan.endpoint, plan.when_spent));
        assert_eq!(problems, []);
        view.apply_balances(BalanceUpdate {
            full: true,
            balances: ["alice", "runner"].map(|name| (user(name), credits("10"))).to_vec(),
            committed_position: 0,
        });
        let sink = Arc::new(MemorySink::new(plan.capacity));
        let clock = Arc::new(ManualClock::new(NOW.parse().expect("a time")));
        let mut registry = Registry::default();
        let records = plan.sink.unwrap_or_else(|| Arc::clone(&sink) as Arc<dyn RecordSink>);
        let gateway = Gateway::new(
            plan.config,
            Arc::clone(&view),
            records,
            clock.clone(),
            &master_key(),
            &mut registry,
        )
        .expect("a gateway");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let (serving, until) = (gateway.clone(), shutdown.clone());
        let server = tokio::spawn(async move { serving.serve(listener, until).await.expect("it serves") });
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (server, endpoint, when_spent) = (Some(server), plan.endpoint, plan.when_spent);
        Self {
            upstream,
            view,
            gateway,
            sink,
            address,
            shutdown,
            server,
            registry,
            client,
            clock,
            base_url,
            endpoint,
            when_spent,
        }
    }

    /// Puts these limits in force, in place of all there were.
    pub(crate) fn set_limits(&self, limits: impl FnOnce(&Config) -> Vec<(Subject, Limits)>) {
        let mut config = configuration(&self.base_url, self.endpoint, self.when_spent);
        config.limits = limits(&config);
        assert_eq!(self.view.replace_config(config), []);
    }

    /// Gives everyone who has ten credits as many as `amount` says.
    pub(crate) fn enrich(&self, amount: &str) {
        self.view.apply_balances(BalanceUpdate {
            full: true,
            balances: ["alice", "runner"].map(|name| (user(name), credits(amount))).to_vec(),
            committed_position: 0,
        });
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A `POST` by `secret`.
    pub(crate) fn post(&self, path: &str, secret: &str) -> http::request::Builder {
        Request::builder()
            .method(Method::POST)
            .uri(self.url(path))
            .header("authorization", format!("Bearer {secret}"))
            .header("content-type", "application/json")
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let response = self.client.request(request).await.expect("an answer");
        read(response).await
    }

    /// A chat by `secret` with `model`.
    pub(crate) async fn chat(&self, secret: &str, model: &str) -> Reply {
        let body = chat_body(model, "");
        self.send(self.post("/v1/chat/completions", secret).body(body).expect("a request")).await
    }

    /// The one value of a metric, by the start of its line.
    pub(crate) fn metric(&self, line: &str) -> Option<i64> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("metrics");
        let line = text
            .lines()
            .find(|candidate| candidate.strip_prefix(line).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

/// Waits until a metric is so.
pub(crate) async fn until_metric(house: &House, name: &str, value: i64) {
    let reached = async {
        while house.metric(name) != Some(value) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the metric gets there in time");
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) async fn read(response: http::Response<hyper::body::Incoming>) -> Reply {
    let (head, body) = response.into_parts();
    let collected = body.collect().await.expect("the whole body");
    let trailers = collected.trailers().cloned();
    Reply { status: head.status, headers: head.headers, body: collected.to_bytes(), trailers }
}

/// A chat request. `more` are further members, each with a comma before it.
pub(crate) fn chat_body(model: &str, more: &str) -> Full<Bytes> {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#);
    Full::new(Bytes::from(body))
}

/// Keeps records in memory.
#[derive(Debug)]
pub(crate) struct MemorySink {
    instance: InstanceId,
    next_correlation_id: AtomicI64,
    free: Arc<Mutex<usize>>,
    records: Arc<Mutex<Vec<RawAnalyticsRecord>>>,
    /// How many of them have ended in every respect.
    ended: Arc<watch::Sender<usize>>,
}

impl MemorySink {
    /// The capacity of a sink that panics when it is asked for a place.
    pub(crate) const PANICS: usize = usize::MAX;

    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            instance: InstanceId::generate(),
            next_correlation_id: AtomicI64::new(1),
            free: Arc::new(Mutex::new(capacity)),
            records: Arc::default(),
            ended: Arc::default(),
        }
    }

    pub(crate) fn all(&self) -> Vec<RawAnalyticsRecord> {
        self.records.lock().clone()
    }

    /// The records once there are `count`.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<RawAnalyticsRecord> {
        let mut ended = self.ended.subscribe();
        let arrived = ended.wait_for(|ended| *ended >= count);
        let arrived = tokio::time::timeout(Duration::from_secs(20), arrived).await;
        drop(arrived.expect("the records arrive in time").expect("the sink lives"));
        self.all()
    }

    /// The only record.
    pub(crate) async fn one(&self) -> RawAnalyticsRecord {
        let records = self.wait_for(1).await;
        assert_eq!(records.len(), 1, "{records:#?}");
        records.into_iter().next().expect("one")
    }
}

impl RecordSink for MemorySink {
    fn instance_id(&self) -> InstanceId {
        self.instance
    }

    fn try_reserve(&self) -> Result<Box<dyn RecordSlot>, NoPlace> {
        let mut free = self.free.lock();
        assert_ne!(*free, Self::PANICS, "as this test wants it");
        *free = free.checked_sub(1).ok_or(NoPlace::Full)?;
        let (free, records) = (Arc::clone(&self.free), Arc::clone(&self.records));
        let ended = Arc::clone(&self.ended);
        let correlation_id = CorrelationId::new(self.next_correlation_id.fetch_add(1, Ordering::Relaxed));
        Ok(Box::new(MemorySlot { correlation_id, free, records, ended }))
    }
}

#[derive(Debug)]
struct MemorySlot {
    correlation_id: CorrelationId,
    free: Arc<Mutex<usize>>,
    records: Arc<Mutex<Vec<RawAnalyticsRecord>>>,
    ended: Arc<watch::Sender<usize>>,
}

impl RecordSlot for MemorySlot {
    fn correlation_id(&self) -> CorrelationId {
        self.correlation_id
    }

    fn admit(&mut self, _admitted: &RawAnalyticsRecord, _body_bytes: Option<u64>) -> Durable {
        Durable::already()
    }

    fn finish(self: Box<Self>, record: RawAnalyticsRecord) -> Finished {
        let mut records = self.records.lock();
        records.push(record);
        let position = i64::try_from(records.len()).expect("few");
        let ends = Ends(Arc::clone(&self.ended));
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { drop(ends) });
        }
        Finished { position, durable: Durable::already() }
    }
}

/// Dropped after the turn in which a record was made: whoever waits for it sees the account as it is then.
#[derive(Debug)]
struct Ends(Arc<watch::Sender<usize>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.send_modify(|ended| *ended += 1);
    }
}

impl Drop for MemorySlot {
    fn drop(&mut self) {
        *self.free.lock() += 1;
    }
}

/// The address of an upstream that answers the first request of every connection with these bytes, and hangs up.
pub(crate) async fn raw_upstream(answer: &str) -> String {
    let answer: Arc<str> = answer.into();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                read_request(&mut connection).await;
                connection.write_all(answer.as_bytes()).await
            });
        }
    });
    format!("http://{address}")
}

/// Reads one HTTP/1 request with its `Content-Length` of body; returns the bytes.
pub(crate) async fn read_request(connection: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let head_end = loop {
        let at = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(at) = at {
            break at + 4;
        }
        assert_ne!(connection.read_buf(&mut request).await.expect("a request"), 0);
    };
    let head = String::from_utf8_lossy(&request[..head_end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a number"));
    while request.len() < head_end + length {
        assert_ne!(connection.read_buf(&mut request).await.expect("a body"), 0);
    }
    request
}
