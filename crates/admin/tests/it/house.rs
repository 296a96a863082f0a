//! The management API on a database of its own, and the shortest ways to ask it something.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate_admin::{Admin, AdminConfig, Resolving, sign_in_link};
use tollgate_domain::{
    ApiKeyId, ApiKeyPurpose, Clock, ManualClock, MasterKey, PriceList, RawAnalyticsRecord, UserId,
};
use tollgate_metering::{AnalyticsBatcher, AnalyticsConfig, RecordKeys};
use tollgate_store::api_keys::NewApiKey;
use tollgate_store::management::keys::{self, PlatformRole};
use tollgate_store::management::roles::{self, MadeKeys};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_store::users::{self, UserKind};
use tollgate_store::{Store, StoreConfig, endpoints, models};
use tollgate_testkit::TestDatabase;

/// Longest wait for something that takes milliseconds, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const ACTOR: &str = "test";

/// A management API that serves.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) master: MasterKey,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: Admin,
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    // Last: dropped after the store's connections.
    database: TestDatabase,
}

/// A user with a key.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) id: UserId,
    pub(crate) key_id: ApiKeyId,
    pub(crate) key: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The cookie and the token of a session that has begun.
    pub(crate) fn session(&self) -> String {
        let token = self.ok()["csrf_token"].as_str().unwrap().to_owned();
        format!("{}|{token}", self.cookie())
    }

    /// Name and value of the cookie that was set.
    pub(crate) fn cookie(&self) -> &str {
        self.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap()
    }

    /// The body of a success.
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The status and the code of a problem, which must have the form of one.
    pub(crate) fn problem(&self) -> (u16, String) {
        let kind = self.headers.get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["type"], format!("urn:tollgate:problem:{code}"));
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        (self.status.as_u16(), code)
    }
}

/// The instant that tests begin at.
pub(crate) fn start() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(AdminConfig::default()).await
    }

    pub(crate) async fn open_with(config: AdminConfig) -> Self {
        let database = TestDatabase::create().await;
        let store = Store::connect(&StoreConfig::for_reports(database.url())).unwrap();
        let master = MasterKey::from_bytes([9; 32]);
        let clock = Arc::new(ManualClock::new(start()));
        let check = |config: tollgate_store::snapshot::ConfigEndpoint| {
            if config.endpoint.base_url.contains("unusable") {
                Err("it is unusable".to_owned())
            } else {
                Ok(())
            }
        };
        let admin = Admin::new(
            &config,
            store.clone(),
            master.clone(),
            Arc::clone(&clock) as _,
            Arc::new(check),
            Arc::new(|name: String| names(&name)),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(admin.clone().serve(listener, shutdown.clone()));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { store, master, clock, admin, client, address, shutdown, serving, database }
    }

    /// A connection that holds the locks of a statement until it is told otherwise, or dropped.
    pub(crate) async fn blocking(&self, sql: &str) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(self.database.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("begin; {sql}")).await.unwrap();
        client
    }

    /// Tells it to stop, and says whether it has within this time.
    pub(crate) async fn stops_within(&mut self, limit: Duration) -> bool {
        self.shutdown.cancel();
        tokio::time::timeout(limit, &mut self.serving).await.is_ok()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let sent =
            tokio::time::timeout(PATIENCE, self.client.request(request)).await.expect("an answer in time");
        let (head, body) = sent.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    /// A request to be completed.
    pub(crate) fn request(&self, method: &Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.address))
    }

    /// By a key, or by what [`House::signs_in`] gave.
    pub(crate) fn request_by(&self, method: &Method, credential: &str, path: &str) -> http::request::Builder {
        let request = self.request(method, path);
        match credential.split_once('|') {
            Some((cookie, token)) => request.header("cookie", cookie).header("x-csrf-token", token),
            None => request.header("authorization", format!("Bearer {credential}")),
        }
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Reply {
        let request = self.request_by(&Method::GET, key, path);
        self.send(request.body(Full::default()).unwrap()).await
    }

    pub(crate) async fn write(&self, method: Method, key: &str, path: &str, body: &Value) -> Reply {
        self.write_with(method, key, path, body, &[]).await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.write(Method::POST, key, path, body).await
    }

    pub(crate) async fn write_with(
        &self,
        method: Method,
        key: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = self.request_by(&method, key, path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::from(body.to_string())).unwrap()).await
    }

    /// All rows of a list, page by page.
    pub(crate) async fn all(&self, key: &str, path: &str, limit: u32) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let next = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = self.get(key, &format!("{path}{joint}limit={limit}{next}")).await.ok();
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= usize::try_from(limit).unwrap());
            rows.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return rows,
            }
        }
    }

    /// A user with a key for this.
    pub(crate) async fn tenant(
        &self,
        name: &str,
        purpose: ApiKeyPurpose,
        role: Option<PlatformRole>,
    ) -> Tenant {
        let create = async |tx| users::create(&tx, name, UserKind::Individual, ACTOR).await;
        let user = self.store.tx("user", create).await.unwrap();
        let (key_id, key) = self.key(user.id, purpose, role).await;
        Tenant { id: user.id, key_id, key }
    }

    /// Another key of a user.
    pub(crate) async fn key(
        &self,
        user: UserId,
        purpose: ApiKeyPurpose,
        role: Option<PlatformRole>,
    ) -> (ApiKeyId, String) {
        let new = NewApiKey { user: user.to_string(), purpose, ..NewApiKey::default() };
        let create = async |tx| keys::create(&tx, &self.master, &new, role, None, ACTOR).await;
        let created = self.store.tx("key", create).await.unwrap();
        (created.key.id, created.secret.expose().to_owned())
    }

    /// A user who signs in; no key.
    pub(crate) async fn person(&self, name: &str, role: Option<PlatformRole>) -> UserId {
        let create = async |tx: tollgate_store::Tx| {
            let user = users::create(&tx, name, UserKind::Individual, ACTOR).await?;
            roles::set(&tx, user.id, role, MadeKeys::Keep, self.clock.now(), None, ACTOR).await?;
            Ok(user.id)
        };
        self.store.tx("person", create).await.unwrap()
    }

    /// The code of a new sign-in link.
    pub(crate) async fn code(&self, user: UserId) -> String {
        let now = self.clock.now();
        let link = async |tx| sign_in_link(&tx, &self.master, user, "https://t.test/", now, ACTOR).await;
        let (url, _) = self.store.tx("link", link).await.unwrap();
        let code = url.expose_secret().strip_prefix("https://t.test/#/sign-in?code=").unwrap();
        code.to_owned()
    }

    /// Sends what a sign-in page does.
    pub(crate) async fn sign_in(&self, body: &Value) -> Reply {
        let request = self.request(&Method::POST, "/admin/api/v1/session");
        let request = request.header("content-type", "application/json");
        self.send(request.body(Full::from(body.to_string())).unwrap()).await
    }

    /// A new session of this user: its cookie and its token, to be used in place of a key.
    pub(crate) async fn signs_in(&self, user: UserId) -> String {
        let code = self.code(user).await;
        self.sign_in(&json!({ "code": code })).await.session()
    }

    pub(crate) async fn manager(&self) -> Tenant {
        self.tenant("the manager", ApiKeyPurpose::Platform, Some(PlatformRole::Manager)).await
    }

    pub(crate) async fn grant(&self, user: UserId, amount: &str, source: &str) {
        let grant = NewMovement {
            user: user.to_string(),
            kind: MovementKind::AdminGrant,
            amount: amount.parse().unwrap(),
            source_id: source.to_owned(),
            description: String::new(),
        };
        self.store.tx("grant", async |tx| movements::apply(&tx, &grant, ACTOR).await).await.unwrap();
    }

    /// A model on an endpoint of its own, with a price that has been in force for long.
    pub(crate) async fn model(&self, alias: &str, input: &str, output: &str) {
        let endpoint = endpoints::NewEndpoint::new(format!("up-{alias}"), "http://upstream.test");
        let tariff = WantedTariff {
            prices: PriceList {
                input_price: input.parse().unwrap(),
                output_price: output.parse().unwrap(),
                ..PriceList::default()
            },
            valid_from: Some("2020-01-01T00:00:00Z".parse().unwrap()),
            ..WantedTariff::default()
        };
        self.store
            .tx("model", async |tx| {
                endpoints::create(&tx, &self.master, &endpoint, ACTOR).await?;
                models::create(&tx, alias, &endpoint.name, None, ACTOR).await?;
                tariffs::set(&tx, alias, &tariff, self.clock.as_ref(), ACTOR).await
            })
            .await
            .unwrap();
    }

    /// Enters these records into the books.
    pub(crate) async fn enter(&self, records: Vec<RawAnalyticsRecord>) {
        let keys = RecordKeys::derive(&self.master);
        let clock = Arc::clone(&self.clock) as _;
        let mut registry = Registry::default();
        let config = AnalyticsConfig::default();
        let (batcher, sender) = AnalyticsBatcher::new(self.store.clone(), config, clock, keys, &mut registry);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(batcher.run(shutdown.clone()));
        for record in records {
            sender.send(record).await.unwrap();
        }
        shutdown.cancel();
        running.await.unwrap().unwrap();
    }

    /// As the server does when it is `now`. Returns how far hours are closed.
    pub(crate) async fn close_hours(&self, now: Timestamp) -> Option<Timestamp> {
        let closed = tollgate_store::closed_hours::close(&self.store, now).await.unwrap();
        closed.map(tollgate_store::utc::UtcMicros::timestamp)
    }

    /// The rows of a query, as JSON.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Value> {
        let sql = format!("select coalesce(jsonb_agg(to_jsonb(q)), '[]') from ({sql}) q");
        let read =
            async |tx: tollgate_store::Tx| Ok(tx.query_one(&sql, &[]).await?.try_get::<_, Value>(0)?);
        let rows = self.store.tx_unbounded("rows", read).await.unwrap();
        rows.as_array().cloned().unwrap_or_else(|| vec![json!(null)])
    }
}

/// What names lead to here: some to where they must not, others below `.test` to the public internet.
fn names(name: &str) -> Resolving {
    let addresses: &[&str] = match name.trim_end_matches('.') {
        "loopback.test" => &["127.0.0.1"],
        "mapped.test" => &["::ffff:127.0.0.1"],
        "metadata.test" => &["169.254.169.254"],
        "house.test" => &["10.1.2.3"],
        "both.test" => &["93.184.216.34", "10.1.2.3"],
        name if name.rsplit('.').next() == Some("test") => {
            &["93.184.216.34", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
        }
        _ => return Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) }),
    };
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Box::pin(async { Ok(addresses) })
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
