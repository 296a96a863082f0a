//! The house under attack: one server on one database, an attacker with plenty of credits, a trusted batch runner, and a neighbour
//! who does nothing wrong.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::json;
use tollgate_domain::Clock;
use tollgate_gateway::GatewayConfig;
use tollgate_server::{App, RunningApp, SystemClock};
use tollgate_testkit::{
    OraclePrices, ScriptedUpstream, oracle_charge, oracle_sum,
    upstream::{BookEntry, Counts, Recorded},
};

use super::{
    Case, Class, PATIENCE, Upstream,
    books::{self, Row},
    wicked::Wicked,
    wire::{self, Heard},
};
use crate::harness::{Place, eventually, get, get_with_key, sql};

/// What the scripted upstream calls the neighbour's model; every other request there is the attacker's.
const GOOD: &str = "good";
/// What a request of the neighbour costs: 7 × 0.00001 + 3 × 0.00003.
const GOOD_COST: &str = "0.00016";
/// What the neighbour begins with.
const GOOD_CREDITS: u32 = 1000;
const GOOD_ROW: &str = "200 completed charged provider 7+3";

/// Changes the settings of a class's server: shorter times, smaller sizes.
pub(crate) type Tuning = fn(&mut GatewayConfig);

/// A key of somebody.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) struct House {
    pub(crate) place: Place,
    app: RunningApp,
    pub(crate) upstream: ScriptedUpstream,
    pub(crate) wicked: Wicked,
    attacker: Key,
    runner: Key,
    neighbour: Key,
    sql: tokio_postgres::Client,
    /// The books are read up to this correlation id.
    read_up_to: i64,
    /// How many requests the neighbour has made.
    good_requests: u32,
    panics_before: usize,
}

/// Panics of this process, on whatever thread.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() -> usize {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            usual(info);
        }));
    });
    PANICS.load(Ordering::SeqCst)
}

impl House {
    pub(crate) async fn open(tuning: Tuning) -> Self {
        Self::open_at(tuning, Arc::new(SystemClock)).await
    }

    /// On a clock of the test's own.
    pub(crate) async fn open_at(tuning: Tuning, clock: Arc<dyn Clock>) -> Self {
        let panics_before = count_panics();
        let upstream = ScriptedUpstream::start().await;
        upstream.for_model(GOOD, "prompt=7 completion=3".parse().unwrap());
        let wicked = Wicked::start().await;
        let place = Place::with_database().await;
        let mut config = place.config();
        tuning(&mut config.gateway);
        let app = App::start(config, clock).await.unwrap();
        let (key, runner, neighbour) = furnish(&place, &upstream.base_url(), &wicked.base_url()).await;
        eventually("keys, models and balances are known", async || {
            let models = get_with_key(app.address(), "/v1/models", &neighbour.secret).await.text;
            models.contains("wicked")
                && get_with_key(app.address(), "/v1/models", &runner.secret).await.status == 200
        })
        .await;
        let sql = sql(place.database_url()).await;
        Self {
            place,
            app,
            upstream,
            wicked,
            attacker: key,
            runner,
            neighbour,
            sql,
            read_up_to: 0,
            good_requests: 0,
            panics_before,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.app.address()
    }

    /// Puts the keys in their places.
    pub(crate) fn fill(&self, bytes: &[u8]) -> Vec<u8> {
        let keys = [("{key}", &self.attacker), ("{runner}", &self.runner), ("{good}", &self.neighbour)];
        let mut filled = bytes.to_vec();
        for (name, key) in keys {
            // Keys stand in heads, which are at the front.
            while let Some(at) = wire::memmem(&filled[..filled.len().min(4096)], name.as_bytes()) {
                filled.splice(at..at + name.len(), key.secret.bytes());
            }
        }
        filled
    }

    /// What the attacker's requests to the scripted upstream came to there.
    pub(crate) fn attacks_in_upstreams_books(&self) -> Vec<BookEntry> {
        self.upstream.books().into_iter().filter(|entry| entry.model.as_deref() != Some(GOOD)).collect()
    }

    /// How many requests reached the upstreams, those of the neighbour left out.
    fn reached(&self) -> usize {
        self.attacks_in_upstreams_books().len() + self.wicked.requests().len()
    }

    /// A request of the neighbour; its answer must be what it always is.
    pub(crate) async fn good_request(&self, stream: bool) {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        let body =
            json!({"model": "good", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let request = Request::post(format!("http://{}/v1/chat/completions", self.address()))
            .header("authorization", format!("Bearer {}", self.neighbour.secret))
            .header("content-type", "application/json");
        let response =
            client.request(request.body(Full::<Bytes>::from(body.to_string())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(head.status, StatusCode::OK, "{body:?}");
        if stream {
            assert!(body.ends_with(b"data: [DONE]\n\n"), "{body:?}");
        } else {
            assert_eq!(head.headers["x-tollgate-cost"], GOOD_COST);
        }
    }

    /// Runs all cases of a class, closes the house, and tells of every case that came to something else.
    pub(crate) async fn run(class: Class) {
        let mut house = Self::open(class.tuning).await;
        let count = class.cases.len();
        let mut wrong = Vec::new();
        for case in class.cases {
            let mut found = house.attack(&case).await;
            wrong.append(&mut found);
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), class.name, wrong.join("\n"));
        house.close().await;
        eprintln!("{count} cases of {} passed", class.name);
    }

    /// Runs one case, with a neighbour beside it and one right after. What it returns is what was wrong.
    async fn attack(&mut self, case: &Case) -> Vec<String> {
        let reached_before = self.reached();
        self.prepare(&case.upstream);
        let (heard, ()) = tokio::join!(
            wire::perform(self.address(), &case.acts, |bytes| self.fill(bytes)),
            self.good_request(true),
        );
        self.good_request(false).await;
        self.good_requests += 2;
        let mut wrong = self.hold_against(case, &heard).await;
        let reached = self.reached() - reached_before;
        if reached != case.reached {
            wrong.push(format!(
                "{}: {reached} requests reached the upstream, not {}",
                case.name, case.reached
            ));
        }
        if !case.forwarded.is_empty() {
            wrong.extend(contains(&case.name, "what was forwarded", &self.last_forwarded(), &case.forwarded));
        }
        wrong
    }

    fn prepare(&self, upstream: &Upstream) {
        match upstream {
            Upstream::Script(script) => self.upstream.usually(script.parse().unwrap()),
            Upstream::Document { status, content_type, body, script } => {
                let body = Bytes::from(body.clone());
                let content_type = (*content_type).to_owned();
                self.upstream.record("it", Recorded { status: *status, content_type, body, stated: None });
                self.upstream.usually(format!("replay=it {script}").parse().unwrap());
            }
            Upstream::Wicked(deeds) => self.wicked.shall(deeds.clone()),
        }
    }

    /// Asks once, on behalf of the attacker; the neighbours are the caller's.
    pub(crate) async fn ask(&mut self, case: Case) {
        self.prepare(&case.upstream);
        let heard = wire::perform(self.address(), &case.acts, |bytes| self.fill(bytes)).await;
        let wrong = self.hold_against(&case, &heard).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Holds answer and books against the case.
    async fn hold_against(&mut self, case: &Case, heard: &Heard) -> Vec<String> {
        let name = &case.name;
        let mut wrong = Vec::new();
        let (answer, whole) = (heard.text(), heard.lossy());
        if !books::matches(&case.answer, &answer) {
            let head: String = whole.chars().take(600).collect();
            wrong.push(format!("{name}: answered `{answer}` and not `{}`: {head:?}", case.answer));
        }
        wrong.extend(contains(name, "the answer", &whole, &case.heard));
        let rows = self.rows(case.books.len()).await;
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let agree = texts.len() == case.books.len()
            && case.books.iter().zip(&texts).all(|(pattern, text)| books::matches(pattern, text));
        if !agree {
            wrong.push(format!("{name}: the books have {texts:?} and not {:?}", case.books));
        }
        for row in rows.iter().filter(|row| row.cost != row.must_cost.as_deref().unwrap_or("0")) {
            wrong.push(format!("{name}: cost {} and not {:?}: {}", row.cost, row.must_cost, row.text));
        }
        wrong
    }

    /// The last request of the attacker as it reached the scripted upstream.
    fn last_forwarded(&self) -> String {
        let entry = self.attacks_in_upstreams_books().pop().unwrap();
        let mut text = format!("{} {}\n", entry.method, entry.uri);
        for (name, value) in &entry.headers {
            text.extend([name.as_str(), ": ", value, "\n"]);
        }
        text.extend(["\n", &String::from_utf8_lossy(&entry.body)]);
        text
    }

    /// The attacker's new rows, once there are `expected` and everything that was admitted is in the books.
    pub(crate) async fn rows(&mut self, expected: usize) -> Vec<Row> {
        let keys = [self.attacker.id.clone(), self.runner.id.clone()];
        let keys = [keys[0].as_str(), keys[1].as_str()];
        let mut rows = Vec::new();
        let mut seen = String::new();
        let all_there = async || {
            let metrics = get(self.app.address(), "/metrics").await.text;
            let admitted = metric(&metrics, "tollgate_gateway_admitted_total");
            let count = "select (select count(*) from usage_records) + (select count(*) from quarantine)";
            let entered: i64 = self.sql.query_one(count, &[]).await.unwrap().get(0);
            rows = books::rows(&self.sql, &keys, self.read_up_to).await;
            seen = format!("{admitted} admitted, {entered} entered, {rows:#?}");
            rows.len() >= expected
                && metric(&metrics, "tollgate_gateway_in_flight") == 0
                && admitted == entered
        };
        if tokio::time::timeout(PATIENCE, until(all_there)).await.is_err() {
            eprintln!("{expected} rows were waited for in vain: {seen}");
        }
        self.read_up_to = rows.last().map_or(self.read_up_to, |row| row.correlation_id);
        rows
    }

    /// Makes the neighbour's requests that a special attack wants beside it.
    pub(crate) async fn neighbours(&mut self, count: u32) {
        for number in 0..count {
            self.good_request(number % 2 == 0).await;
        }
        self.good_requests += count;
    }

    /// Nothing panicked, nobody paid for another, and the audit finds nothing.
    pub(crate) async fn close(mut self) {
        assert_eq!(self.rows(0).await, [], "rows that no case expects");
        let metrics = get(self.address(), "/metrics").await.text;
        assert_eq!(metric(&metrics, "tollgate_gateway_panics_total"), 0);
        assert_eq!(metric(&metrics, "tollgate_gateway_in_flight"), 0);
        assert_eq!(get(self.address(), "/readyz").await.status, StatusCode::OK);
        let rows = books::rows(&self.sql, &[&self.neighbour.id], 0).await;
        let good = rows.iter().filter(|row| row.text == GOOD_ROW && row.cost == GOOD_COST).count();
        let asked = usize::try_from(self.good_requests).unwrap();
        let others: Vec<&Row> = rows.iter().filter(|row| row.text != GOOD_ROW).collect();
        assert_eq!(
            (good, rows.len()),
            (asked, asked),
            "the neighbour's rows that are not as they should be: {others:#?}"
        );
        self.app.stop().await.unwrap();
        let balance = self.place.cli("balance neighbour").await["balance"].clone();
        let counts = Counts { prompt: i64::from(self.good_requests), ..Counts::default() };
        let each = OraclePrices { input: GOOD_COST, output: "0", ..OraclePrices::default() };
        let left = oracle_sum([&*GOOD_CREDITS.to_string(), &*format!("-{}", oracle_charge(&counts, &each))]);
        assert_eq!(balance, json!(left), "the neighbour pays for {} requests", self.good_requests);
        let audit = self.place.cli("audit").await;
        assert_eq!(audit["ok"], json!(true), "{audit}");
        assert_eq!(count_panics(), self.panics_before, "something panicked");
    }
}

/// Everybody and everything there is.
pub(crate) async fn furnish(place: &Place, scripted: &str, wicked: &str) -> (Key, Key, Key) {
    place.cli("user create attacker --credits 1000000000000").await;
    place.cli(&format!("user create neighbour --credits {GOOD_CREDITS}")).await;
    let passed = "--pass-through /v1/files/{id} --pass-through /v1/images/* \
                  --path-template /v1/embeddings=/v1/embeddings?api-version=1";
    place.cli(&format!("endpoint create scripted {scripted} {passed}")).await;
    place.cli(&format!("endpoint create wicked {wicked}")).await;
    for (model, endpoint) in
        [("hostile", "scripted"), ("dear", "scripted"), (GOOD, "scripted"), ("wicked", "wicked")]
    {
        let (input, output) =
            if model == "dear" { ("0.060247241209", "0.000000000001") } else { ("0.00001", "0.00003") };
        place.cli(&format!("model create {model} --endpoint {endpoint}")).await;
        place.cli(&format!("tariff set {model} --input-price {input} --output-price {output}")).await;
    }
    let key = async |line: &str| {
        let key = place.cli(line).await;
        let text = |field: &str| key[field].as_str().unwrap().to_owned();
        Key { id: text("id"), secret: text("secret") }
    };
    let attacker = key("key create --user attacker").await;
    let runner = key("key create --user attacker --trusted").await;
    (attacker, runner, key("key create --user neighbour").await)
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    while !condition().await {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The value of a metric without labels.
pub(crate) fn metric(metrics: &str, name: &str) -> i64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("{name} is not in {metrics}")).trim().parse().unwrap()
}

/// Says which of `texts` are not in `whole`, and which of those with a `!` before them are.
fn contains(name: &str, what: &str, whole: &str, texts: &[&str]) -> Vec<String> {
    let excerpt: String = whole.chars().take(2000).collect();
    let wrong = texts.iter().filter_map(|text| {
        let (text, wanted) = text.strip_prefix('!').map_or((*text, true), |text| (text, false));
        (whole.contains(text) != wanted)
            .then(|| format!("{name}: `{text}` in {what}: {}: {excerpt:?}", !wanted))
    });
    wrong.collect()
}
