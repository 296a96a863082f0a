//! How long reports over a month of ten million requests take, asked over HTTP as clients ask them.
//!
//! `cargo report-bench [--json]`
//!
//! It fills a throw-away database with the sums of a month, closes its hours as the server does, and asks each report a few times. What is
//! summed up is held against what was filled in: as fast as an answer may be, it is of use only when it is right. With `--open` no hour
//! is closed: that is what reading hours alone costs. It ends with 1 where an answer is wrong, or where a limit is given and missed.

#![expect(clippy::print_stdout, reason = "it talks to the person who started it")]

mod fill;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use clap::Parser;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tollgate_admin::{Admin, AdminConfig, resolve_by_system};
use tollgate_domain::{ApiKeyPurpose, Clock, ManualClock, MasterKey, UserId};
use tollgate_store::api_keys::NewApiKey;
use tollgate_store::management::keys::{self, PlatformRole};
use tollgate_store::users::{self, UserKind};
use tollgate_store::{Store, StoreConfig, closed_hours};
use tollgate_testkit::TestDatabase;

use self::fill::{BEGIN, COST_PICO, DAYS, Shape};

/// Not secret: the database is thrown away.
const MASTER_KEY: [u8; 32] = [7; 32];
const ACTOR: &str = "report-bench";

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(about = "How long reports over a month take")]
struct Options {
    /// Requests of the month.
    #[arg(long, default_value_t = 10_000_000)]
    requests: i64,
    /// Users.
    #[arg(long, default_value_t = 1_000)]
    users: i64,
    /// Keys of all users.
    #[arg(long, default_value_t = 2_000)]
    keys: i64,
    /// Models, a tenth of which make embeddings.
    #[arg(long, default_value_t = 50)]
    models: i64,
    /// Models that each key asks.
    #[arg(long, default_value_t = 5)]
    models_of_key: i64,
    /// How often each report is asked; the median counts.
    #[arg(long, default_value_t = 9)]
    times: usize,
    /// Leave all hours open.
    #[arg(long)]
    open: bool,
    /// Fail where the median of any report over whole days is above so many milliseconds.
    #[arg(long, value_name = "MS")]
    limit_ms: Option<u64>,
    /// Ask this database of its own instead of one that is thrown away: filled where it is empty, kept as it is where it is not.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// End with one JSON object.
    #[arg(long)]
    json: bool,
}

/// Something that is asked, and what its answer must add up to, where that is known.
struct Report {
    name: &'static str,
    path: String,
    total: Option<Total>,
    is_of_days: bool,
}

#[derive(Debug, Clone, Copy)]
enum Total {
    Requests(i64),
    Cost(i64),
}

struct Bench {
    client: Client<HttpConnector, Empty<Bytes>>,
    address: std::net::SocketAddr,
    key: String,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    // Dropped at the end, where it is thrown away.
    let thrown_away = if options.database.is_none() { Some(TestDatabase::create().await) } else { None };
    let url = options.database.as_deref().or(thrown_away.as_ref().map(TestDatabase::url)).unwrap_or_default();
    let store = Store::connect(&StoreConfig::for_reports(url))?;
    store.migrate().await?;
    let shape = Shape {
        requests: options.requests,
        users: options.users,
        keys: options.keys,
        models: options.models,
        models_of_key: options.models_of_key,
        embedding_models: options.models / 10,
    };
    let (mut sums, mut requests) = fill::count(&store).await?;
    let is_filled = sums > 0;
    if !is_filled {
        (sums, requests) = fill::fill(&store, shape).await?;
    }
    let begin: Timestamp = BEGIN.parse()?;
    let end = begin.checked_add(SignedDuration::from_hours(24 * DAYS))?;
    say(&options, &format!("{requests} requests of a month in {sums} hourly sums"));
    let mut closing = None;
    if !options.open && !is_filled {
        let started = Instant::now();
        // Some minutes after the last hour but one, as a server does it: the last one stays open.
        closed_hours::close(&store, end.checked_sub(SignedDuration::from_mins(40))?).await?;
        fill::analyze(&store).await?;
        closing = Some(millis(started.elapsed()));
        say(&options, &format!("closed {} hours in {:.1} s", DAYS * 24 - 1, started.elapsed().as_secs_f64()));
    }
    let bench = Bench::start(&store, end).await?;
    let mut results = Vec::new();
    let mut is_good = true;
    for report in reports(&store, (begin, end), requests).await? {
        let mut took = Vec::new();
        for _ in 0..options.times.max(1) {
            let started = Instant::now();
            let page = bench.get(&report.path).await?;
            took.push(started.elapsed());
            if let Some(total) = report.total
                && let Some(wrong) = total.differs(&page)
            {
                is_good = false;
                say(&options, &format!("{}: {wrong}", report.name));
            }
        }
        took.sort();
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        let slow =
            report.is_of_days && options.limit_ms.is_some_and(|limit| median > Duration::from_millis(limit));
        is_good &= !slow;
        let mark = if slow { "  above the limit" } else { "" };
        say(&options, &format!("{:>8.1} ms  {}{mark}", median.as_secs_f64() * 1000.0, report.name));
        results.push(json!({ "report": report.name, "median_ms": millis(median), "path": report.path }));
    }
    if options.json {
        let object =
            json!({ "requests": requests, "hourly_sums": sums, "closing_ms": closing, "reports": results });
        println!("{object}");
    }
    if is_good { Ok(()) } else { Err("an answer was wrong or late".into()) }
}

fn say(options: &Options, line: &str) {
    if !options.json {
        println!("{line}");
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// What is asked. One user has three keys' worth of names in the paths, taken from the middle of what was filled in.
async fn reports(
    store: &Store,
    (begin, end): (Timestamp, Timestamp),
    requests: i64,
) -> Result<Vec<Report>, Failure> {
    let sql = "select u.id::text, k.id::text from users u join api_keys k on k.user_id = u.id
               where u.name = 'user 7' order by k.no limit 1";
    let row = store.tx("ids", async |tx| Ok(tx.query_one(sql, &[]).await?)).await?;
    let (user, key): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let embeddings = "select sum(requests)::bigint from usage_rollups
                      where model_no in (select m.no from deployed_models m join usage_dimensions d on d.request_model = m.alias
                                         where d.response_type = 'embedding')";
    let row = store.tx("embeddings", async |tx| Ok(tx.query_one(embeddings, &[]).await?)).await?;
    let embeddings = row.try_get::<_, Option<i64>>(0)?.unwrap_or(0);
    let (from, to) = (begin.as_second(), end.as_second());
    let time = format!("start_time={from}&end_time={to}");
    let completions = Some(Total::Requests(requests - embeddings));
    let all = Some(Total::Requests(requests));
    let cost = Some(Total::Cost(requests));
    let days = |name, rest: &str, total| Report {
        name,
        path: format!("/v1/organization/usage/completions?{time}&limit=31{rest}"),
        total,
        is_of_days: true,
    };
    let hours = |name, rest: &str| Report {
        name,
        path: format!("/v1/organization/usage/completions?{time}&bucket_width=1h&limit=168{rest}"),
        total: None,
        is_of_days: false,
    };
    let costs = |name, rest: &str, total| Report {
        name,
        path: format!("/v1/organization/costs?{time}&limit=31{rest}"),
        total,
        is_of_days: true,
    };
    let series = |name, rest: &str, is_of_days, total| Report {
        name,
        path: format!("/admin/api/v1/usage-series?since={begin}&until={end}{rest}"),
        total,
        is_of_days,
    };
    let margin = |name, rest: &str, is_of_days| Report {
        name,
        path: format!("/admin/api/v1/margin-series?since={begin}&until={end}{rest}"),
        total: all,
        is_of_days,
    };
    Ok(vec![
        days("completions by day", "", completions),
        days("completions by day × model", "&group_by=model", completions),
        days("completions by day × user (a full page)", "&group_by=user_id", None),
        days("completions by day × key (a full page)", "&group_by=api_key_id", None),
        days("completions by day × user × model (a full page)", "&group_by=user_id&group_by=model", None),
        days("completions by day × batch", "&group_by=batch", completions),
        days("completions by day × model of one user", &format!("&group_by=model&user_ids={user}"), None),
        days("completions by day × model of one key", &format!("&group_by=model&api_key_ids={key}"), None),
        days(
            "completions by day × user of one model (a full page)",
            "&group_by=user_id&models=model-9",
            None,
        ),
        days("completions by day, batch keys only", "&batch=true", None),
        Report {
            name: "embeddings by day × user",
            path: format!("/v1/organization/usage/embeddings?{time}&limit=31&group_by=user_id"),
            total: None,
            is_of_days: true,
        },
        costs("costs by day", "", cost),
        costs("costs by day × model", "&group_by=line_item", cost),
        costs("costs by day × user (a full page)", "&group_by=user_id", None),
        series("series by day", "&bucket=day", true, all),
        series("series by day, the 7 largest models", "&bucket=day&group_by=model", true, all),
        series("series by day, the 20 largest users", "&bucket=day&group_by=user&top=20", true, all),
        series("series by day, the 20 largest keys", "&bucket=day&group_by=key&top=20", true, all),
        series(
            "series by day × model of one user",
            &format!("&bucket=day&group_by=model&user_id={user}"),
            true,
            None,
        ),
        margin("margin by day", "&bucket=day", true),
        margin("margin by day, the 7 largest models", "&bucket=day&group_by=model", true),
        margin("margin by day, the 20 largest users", "&bucket=day&group_by=user&top=20", true),
        margin("margin by day, the 20 largest keys", "&bucket=day&group_by=key&top=20", true),
        margin("margin by hour, the 7 largest models", "&bucket=hour&group_by=model", false),
        series("series by hour", "&bucket=hour", false, all),
        series("series by hour, the 7 largest models", "&bucket=hour&group_by=model", false, all),
        hours("completions by hour × model (a week)", "&group_by=model"),
        hours("completions by hour × user (a full page)", "&group_by=user_id"),
    ])
}

impl Total {
    /// What is wrong with a page, if anything is.
    fn differs(self, page: &Value) -> Option<String> {
        let results = || {
            page["data"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|bucket| bucket["results"].as_array().into_iter().flatten())
        };
        match self {
            Self::Requests(expected) => {
                let of_pages: i64 =
                    results().filter_map(|result| result["num_model_requests"].as_i64()).sum();
                let of_series: i64 = page["groups"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|group| group["total"]["requests"].as_i64())
                    .sum();
                let found = of_pages + of_series;
                (found != expected).then(|| format!("{found} requests, not {expected}"))
            }
            Self::Cost(requests) => {
                let charged: f64 = results().filter_map(|result| result["amount"]["value"].as_f64()).sum();
                #[expect(clippy::cast_precision_loss, reason = "only near")]
                let expected = requests as f64 * COST_PICO as f64 * 1e-12;
                ((charged - expected).abs() > expected * 1e-9)
                    .then(|| format!("{charged} credits, not {expected}"))
            }
        }
    }
}

impl Bench {
    /// Serves the management API, with a key that sees everything.
    async fn start(store: &Store, now: Timestamp) -> Result<Self, Failure> {
        let master = MasterKey::from_bytes(MASTER_KEY);
        // Of each run another one, where the database is kept.
        let name = format!("the manager {}", uuid::Uuid::new_v4());
        let manager = async |tx| users::create(&tx, &name, UserKind::Individual, ACTOR).await;
        let manager = store.tx("manager", manager).await?.id;
        let key = manager_key(store, &master, manager).await?;
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now));
        let admin = Admin::new(
            &AdminConfig::default(),
            store.clone(),
            master,
            clock,
            Arc::new(|_| Ok(())),
            resolve_by_system(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(admin.serve(listener, CancellationToken::new()));
        Ok(Self { client: Client::builder(TokioExecutor::new()).build_http(), address, key })
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        let request = Request::get(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {}", self.key))
            .body(Empty::new())?;
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

async fn manager_key(store: &Store, master: &MasterKey, user: UserId) -> Result<String, Failure> {
    let new = NewApiKey { user: user.to_string(), purpose: ApiKeyPurpose::Platform, ..NewApiKey::default() };
    let create = async |tx| keys::create(&tx, master, &new, Some(PlatformRole::Manager), None, ACTOR).await;
    Ok(store.tx("key", create).await?.secret.expose().to_owned())
}
