//! The management API as others' programs see it: schemathesis, which reads its OpenAPI document and tries what that allows and what it
//! does not, and the official `openai` client, which reads usage and costs in its own types.
//!
//! Both are installed with the SDKs: see [`crate::sdks`].

use std::fmt::Write as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use http::StatusCode;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{
    ApiKeyId, Batch, Clock, CorrelationId, Credential, InstanceId, MasterKey, Outcome, RawAnalyticsRecord,
    StatedUsage, UsageSource,
};
use tollgate_metering::{AnalyticsBatcher, AnalyticsConfig, RecordKeys};
use tollgate_server::SystemClock;
use tollgate_store::{Store, StoreConfig};
use tollgate_testkit::ScriptedUpstream;

use crate::{
    harness::{Place, chat, eventually, get, get_with_key, published, sql},
    processes::{address, serve_with},
    sdks::sdk_home,
};

/// With which schemathesis makes requests up, and the second test its records and questions.
const SEED: u64 = 20_261_126;
/// It takes half a minute on two quiet processors.
const PATIENCE: Duration = Duration::from_mins(10);
/// What a manager's key cannot bring to succeed: nothing is in quarantine, a key is not signed in, hosts that are made up lead nowhere, and the
/// names of the dashboard's files are known to nobody; no OpenID provider is set; the document was read before.
const NEVER_SUCCEEDS: [&str; 13] = [
    "POST /admin/api/v1/endpoints",
    "GET /admin/api/v1/oidc/callback",
    "GET /admin/api/v1/oidc/sign-in",
    "GET /admin/api/v1/openapi.json",
    "GET /assets/{file}",
    "POST /admin/api/v1/quarantine/{record_id}/replay",
    "POST /admin/api/v1/quarantine/{record_id}/write-off",
    "POST /admin/api/v1/session",
    "GET /admin/api/v1/session",
    "DELETE /admin/api/v1/session",
    "DELETE /admin/api/v1/sessions",
    "PUT /admin/api/v1/session/password",
    "POST /admin/api/v1/webhooks",
];

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_every_route_to_answer_as_its_document_says() {
    let Some(home) = sdk_home("python") else { return };
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let id = async |line: String| place.cli(&line).await["id"].clone();
    let boss = id("user create boss".to_owned()).await;
    let manager = place.cli("key create --user boss --purpose platform --role manager").await;
    let kept_user = id("user create kept --credits 1000".to_owned()).await;
    let kept_key = place.cli("key create --user kept").await;
    let linked = id("user link kept --issuer https://login.example.com --subject kept".to_owned()).await;
    let kept_endpoint = id(format!("endpoint create up {}", upstream.base_url())).await;
    let kept_model = id("model create gpt-test --endpoint up --upstream-model gpt".to_owned()).await;
    place.cli("tariff set gpt-test --input-price 0.00001 --output-price 0.00003").await;
    let spend = json!({
        "user_id": id("user create spent".to_owned()).await,
        "key_id": id("key create --user kept".to_owned()).await,
        "model_id": id("model create spent --endpoint up --upstream-model gpt".to_owned()).await,
        "endpoint_id": id("endpoint create spent http://spent.test".to_owned()).await,
        "webhook_id": id(format!("webhook add {}/spent", upstream.base_url())).await,
    });
    let kept_webhook = id(format!("webhook add {}/kept", upstream.base_url())).await;
    let (_server, ready) = serve_with(&place, &[("TOLLGATE_ADMIN__LISTEN", "127.0.0.1:0")]).await;
    let admin = published(&place.data_dir().join("admin.addr")).await.parse().unwrap();
    let (secret, kept_secret) = (manager["secret"].as_str().unwrap(), kept_key["secret"].as_str().unwrap());
    let mut request_id = String::new();
    eventually("a request is served", async || {
        let reply = chat(address(&ready), kept_secret, "prompt=10 completion=5", false).await;
        let id = reply.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        request_id = id.unwrap_or_default().to_owned();
        reply.status == StatusCode::OK
    })
    .await;
    eventually("its receipt is there", async || {
        let path = format!("/admin/api/v1/receipts/{request_id}");
        get_with_key(admin, &path, secret).await.status == StatusCode::OK
    })
    .await;
    let ids = json!({
        "keep": {
            "user_id": kept_user, "key_id": kept_key["id"], "endpoint_id": kept_endpoint, "model_id": kept_model,
            "request_id": request_id, "id": request_id, "file": "swagger-ui.css", "identity_id": linked,
            "webhook_id": kept_webhook,
        },
        "spend": spend,
        "own": [boss, manager["id"]],
    });

    let calls = place.directory.path().join("calls");
    let document = get(admin, "/admin/api/v1/openapi.json").await.text;
    let output = Command::new(home.join("bin/schemathesis"))
        .args(["run", &format!("http://{admin}/admin/api/v1/openapi.json")])
        .args(["--header", &format!("authorization: Bearer {secret}")])
        .args(["--seed", &SEED.to_string(), "--max-examples", "10", "--workers", "1"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        .args(["--checks", "response_schema_conformance"])
        .args(["--continue-on-failure", "--no-shrink", "--generation-database", "none"])
        // The key is the question here, not who gets in; and how long something takes is nobody's failure.
        .args(["--generation-with-security-parameters", "false", "--suppress-health-check", "all"])
        .args(["--request-timeout", "100", "--max-redirects", "0", "--no-color"])
        .current_dir(place.directory.path())
        .env("SCHEMATHESIS_HOOKS", "admin_hooks")
        .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TOLLGATE_IDS", ids.to_string())
        .env("TOLLGATE_CALLS", &calls)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("schemathesis ends").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));

    let calls = std::fs::read_to_string(&calls).unwrap();
    let mut succeeded = BTreeSet::new();
    for line in calls.lines() {
        let (operation, method, status): (String, String, u16) = serde_json::from_str(line).unwrap();
        if status < 400 && operation.starts_with(&method) {
            succeeded.insert(operation);
        }
    }
    let lacking: Vec<String> =
        operations(&document).into_iter().filter(|operation| !succeeded.contains(operation)).collect();
    let unexpected: Vec<&String> =
        lacking.iter().filter(|operation| !NEVER_SUCCEEDS.contains(&operation.as_str())).collect();
    assert!(unexpected.is_empty(), "refused every time: {unexpected:?}\n{said}");
    let still = get_with_key(admin, "/admin/api/v1/users", secret).await;
    assert_eq!(still.status, StatusCode::OK, "the key was lost underway: {}", still.text);
}

/// Method and path of every operation.
fn operations(document: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const MODELS: [&str; 3] = ["large", "small", "vectors"];
const RECORDS: i64 = 500;
const CASES: usize = 60;

/// A question to one of the endpoints, and the same question in SQL.
struct Case {
    of: &'static str,
    ask: Value,
    width: i64,
    groups: Vec<&'static str>,
    /// Of what is grouped and kept.
    condition: String,
    /// Where the first bucket begins and the last one ends, in Unix seconds.
    range: (i64, i64),
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openai_client_reads_usage_and_costs_that_equal_sums_over_the_requests() {
    let Some(home) = sdk_home("python") else { return };
    let place = Place::with_database().await;
    let mut keys = Vec::new();
    let mut users = Vec::new();
    for user in ["ada", "bob"] {
        users.push(place.cli(&format!("user create {user}")).await["id"].as_str().unwrap().to_owned());
        for purpose in ["realtime", "batch"] {
            let key = place.cli(&format!("key create --user {user} --purpose {purpose}")).await;
            keys.push(key["id"].as_str().unwrap().to_owned());
        }
    }
    place.cli("endpoint create up http://up.test").await;
    for (model, input, output) in [
        ("large", "0.0000025", "0.00001"),
        ("small", "0.000000000001", "0.000000000003"),
        ("vectors", "0.00000002", "0"),
    ] {
        place.cli(&format!("model create {model} --endpoint up --upstream-model {model}")).await;
        let prices = format!("--input-price {input} --output-price {output}");
        place.cli(&format!("tariff set {model} {prices} --valid-from 2020-01-01T00:00:00Z")).await;
    }
    place.cli("user create boss").await;
    let manager = place.cli("key create --user boss --purpose platform --role manager").await;

    let mut random = StdRng::seed_from_u64(SEED);
    let midnight = SystemClock.now().as_second() / DAY * DAY;
    enter(&place, records(&mut random, midnight, &keys)).await;
    let app = place.serve().await;
    let cases: Vec<Case> = (0..CASES).map(|nth| case(&mut random, nth, midnight, &users, &keys)).collect();

    let mut client = Command::new(home.join("bin/python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/admin_usage.py"))
        .env("TOLLGATE_URL", format!("http://{}", app.admin_address().unwrap()))
        .env("TOLLGATE_KEY", manager["secret"].as_str().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let asked: Vec<Value> = cases.iter().map(|case| json!({ "of": case.of, "ask": case.ask })).collect();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(json!(asked).to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = client.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();

    let sql = sql(place.database_url()).await;
    let (mut compared, mut pages) = (0, 0);
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        let found = sums_found(case, answer);
        assert_eq!(found, sums_over_requests(&sql, case).await, "{} {}", case.of, case.ask);
        compared += found.len();
        pages += answer["pages"].as_u64().unwrap();
    }
    assert!(compared > 500, "{compared} sums are too few to tell");
    assert!(pages > 3 * u64::try_from(CASES).unwrap(), "{pages} pages are too few to tell");
    app.stop().await.unwrap();
}

/// Requests of the last days, some of them at the edges of hours and days.
fn records(random: &mut StdRng, midnight: i64, keys: &[String]) -> Vec<RawAnalyticsRecord> {
    let instance_id = InstanceId::generate();
    let record = |nth: i64| {
        let model = MODELS[random.random_range(0..MODELS.len())];
        let is_embedding = model == "vectors";
        let key: ApiKeyId = keys[random.random_range(0..keys.len())].parse().unwrap();
        let prompt = random.random_range(0..5_000);
        let cache_read_tokens = random.random_range(0..=prompt);
        let completion = (!is_embedding).then(|| random.random_range(0..2_000));
        let seconds = match random.random_range(0..3) {
            0 => midnight - DAY * random.random_range(0..4),
            1 => midnight - HOUR * random.random_range(0..90) - 1,
            _ => midnight - random.random_range(0..4 * DAY),
        };
        let micros = if random.random_bool(0.5) { 0 } else { 999_999 };
        let failed = random.random_bool(0.1);
        let usage = StatedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: completion,
            total_tokens: Some(prompt + completion.unwrap_or(0)),
            cache_read_tokens,
            cache_write_5m_tokens: random.random_range(0..=prompt - cache_read_tokens),
            ..StatedUsage::default()
        };
        RawAnalyticsRecord {
            instance_id,
            correlation_id: CorrelationId::new(nth),
            timestamp: Timestamp::from_microsecond(seconds * 1_000_000 + micros).unwrap(),
            method: "POST".to_owned(),
            uri: if is_embedding { "/v1/embeddings" } else { "/v1/chat/completions" }.to_owned(),
            model_id: None,
            request_model: Some(model.to_owned()),
            response_model: Some(model.to_owned()),
            status_code: if failed { 500 } else { 200 },
            duration_ms: 1200,
            duration_to_first_byte_ms: Some(200),
            usage: if failed { StatedUsage::default() } else { usage },
            usage_source: if failed { UsageSource::None } else { UsageSource::Provider },
            outcome: if failed { Outcome::Failed } else { Outcome::Completed },
            response_type: if is_embedding { "embedding" } else { "chat_completion" }.to_owned(),
            finish_reason: None,
            user_agent: None,
            server_address: None,
            server_port: None,
            served_by: None,
            credential: Credential::Key(key),
            batch: Batch::default(),
            trace_id: None,
        }
    };
    (1..=RECORDS).map(record).collect()
}

/// Has the batcher write these records, as it does a gateway's.
async fn enter(place: &Place, records: Vec<RawAnalyticsRecord>) {
    let master = MasterKey::from_hex(&std::fs::read_to_string(place.master_key_file()).unwrap()).unwrap();
    let store = Store::connect(&StoreConfig::new(place.database_url())).unwrap();
    let mut registry = Registry::default();
    let keys = RecordKeys::derive(&master);
    let clock = Arc::new(SystemClock);
    let (batcher, sender) =
        AnalyticsBatcher::new(store, AnalyticsConfig::default(), clock, keys, &mut registry);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(batcher.run(shutdown.clone()));
    for record in records {
        sender.send(record).await.unwrap();
    }
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

/// A question with a random grouping, filter, width and page, and edges in the middle of buckets and exactly on them.
fn case(random: &mut StdRng, nth: usize, midnight: i64, users: &[String], keys: &[String]) -> Case {
    let of = ["completions", "embeddings", "costs"][nth % 3];
    let known: &[&'static str] = match of {
        "completions" => &["user_id", "api_key_id", "model", "batch"],
        "embeddings" => &["user_id", "api_key_id", "model"],
        _ => &["user_id", "api_key_id", "line_item"],
    };
    let width = if of == "costs" || random.random_bool(0.5) { DAY } else { HOUR };
    let groups: Vec<&str> = known.iter().copied().filter(|_| random.random_bool(0.5)).collect();
    let mut edge = |around: i64| match random.random_range(0..4) {
        0 => around,
        1 => around - 1,
        2 => around + 1,
        _ => around + random.random_range(-DAY..DAY),
    };
    let (start, end) = (edge(midnight - 3 * DAY), edge(midnight));
    let mut ask = json!({ "start_time": start, "end_time": end, "limit": random.random_range(1..=20) });
    ask["bucket_width"] = json!(if width == DAY { "1d" } else { "1h" });
    if !groups.is_empty() {
        ask["group_by"] = json!(groups);
    }
    let mut condition = match of {
        "completions" => "model <> 'vectors'",
        "embeddings" => "model = 'vectors'",
        _ => "true",
    }
    .to_owned();
    // Of costs the client asks by key alone.
    match if of == "costs" { random.random_range(1..3) } else { random.random_range(0..5) } {
        0 => {
            let user = &users[random.random_range(0..users.len())];
            ask["user_ids"] = json!([user]);
            write!(condition, " and user_id = '{user}'").unwrap();
        }
        1 => {
            let key = random.random_range(1..keys.len());
            ask["api_key_ids"] = json!([keys[0], keys[key]]);
            write!(condition, " and api_key_id in ('{}', '{}')", keys[0], keys[key]).unwrap();
        }
        2 if of != "costs" => {
            ask["models"] = json!(["large", "vectors"]);
            condition += " and model in ('large', 'vectors')";
        }
        3 if of == "completions" => {
            let batch = random.random_bool(0.5);
            ask["batch"] = json!(batch);
            write!(condition, " and (api_key_purpose = 'batch') = {batch}").unwrap();
        }
        _ => {}
    }
    let range = (start.div_euclid(width) * width, (end - 1).div_euclid(width) * width + width);
    Case { of, ask, width, groups, condition, range }
}

/// The sums that the client read, by bucket and group. The buckets must follow one another without a gap, from edge to edge.
fn sums_found(case: &Case, answer: &Value) -> BTreeMap<String, Value> {
    let mut sums = BTreeMap::new();
    let (mut begins, last) = case.range;
    for bucket in answer["buckets"].as_array().unwrap() {
        let (start, end) = (&bucket["start_time"], &bucket["end_time"]);
        assert_eq!((start, end), (&json!(begins), &json!(begins + case.width)), "{}", case.ask);
        for result in bucket["results"].as_array().unwrap() {
            let mut key = vec![start.clone()];
            key.extend(case.groups.iter().map(|group| result[*group].clone()));
            let sum = match case.of {
                // Read through a float, by the client itself.
                "costs" => json!([result["amount"]["value"].as_f64()]),
                "embeddings" => json!([result["num_model_requests"], result["input_tokens"]]),
                _ => json!([
                    result["num_model_requests"],
                    result["input_tokens"],
                    result["output_tokens"],
                    result["input_cached_tokens"],
                    result["input_cache_write_tokens"],
                    result["input_uncached_tokens"],
                ]),
            };
            let before = sums.insert(Value::Array(key).to_string(), sum);
            assert_eq!(before, None, "one group twice in a bucket: {bucket}");
        }
        begins += case.width;
    }
    assert_eq!(begins, last, "{}", case.ask);
    sums
}

/// The same, of the requests themselves.
async fn sums_over_requests(sql: &tokio_postgres::Client, case: &Case) -> BTreeMap<String, Value> {
    let columns = case.groups.iter().map(|group| match *group {
        "batch" => ", api_key_purpose = 'batch'",
        "user_id" => ", user_id",
        "api_key_id" => ", api_key_id",
        // A line of the costs is a model.
        _ => ", model",
    });
    let (columns, unit) = (columns.collect::<String>(), if case.width == DAY { "day" } else { "hour" });
    let sums = match case.of {
        "costs" => "coalesce(sum(total_cost), 0)::double precision",
        "embeddings" => "count(*), coalesce(sum(prompt_tokens), 0)",
        _ => {
            "count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), coalesce(sum(cache_read_tokens), 0),
             coalesce(sum(cache_write_5m_tokens + cache_write_1h_tokens), 0),
             coalesce(sum(prompt_tokens), 0) - coalesce(sum(cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens), 0)"
        }
    };
    let (from, to) = case.range;
    let query = format!(
        "select jsonb_build_array(extract(epoch from date_trunc('{unit}', \"timestamp\", 'UTC'))::bigint{columns})::text,
                json_build_array({sums})::text
         from http_analytics
         where \"timestamp\" >= to_timestamp({from}) and \"timestamp\" < to_timestamp({to}) and {}
         group by jsonb_build_array(extract(epoch from date_trunc('{unit}', \"timestamp\", 'UTC'))::bigint{columns})",
        case.condition
    );
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let rows = sql.query(&query, &[]).await.unwrap().into_iter();
    let sum = |text: &str| match case.of {
        "costs" => json!([read(text)[0].as_f64()]),
        _ => read(text),
    };
    rows.map(|row| (read(row.get(0)).to_string(), sum(row.get(1)))).collect()
}
