//! A real Prometheus reads a running server, and is asked everything that the dashboard and the alert rules ask: a query may be right by its names
//! and still find nothing, by a label that two sides of a division do not share, say.

use std::{
    collections::BTreeSet, fs, io::ErrorKind, net::SocketAddr, path::Path, process::Stdio, sync::Arc,
    time::Duration,
};

use form_urlencoded::Serializer;
use http::StatusCode;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::timeout,
};
use tollgate_server::{App, SystemClock};
use tollgate_testkit::ScriptedUpstream;

use super::{metrics::queries, repository};
use crate::harness::{Place, chat, eventually, get};

/// The one query that rightly finds nothing of a server that is well: this counter begins with the first failure of its kind. That its name and labels
/// are right is tested in `metrics`.
const SILENT_WHILE_ALL_IS_WELL: &str = "tollgate_analytics_errors_total";
/// The longest that Prometheus may take to have an answer to everything; less than what ends the test by itself, so that the missing ones are named.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);
/// So many times in a row is every rule evaluated and found quiet: one that holds now and then, and not at one lucky moment, is found as well.
const QUIET_EVALUATIONS: usize = 5;

/// A Prometheus of this test's own, which scrapes one server each second.
struct Prometheus {
    address: SocketAddr,
    _process: Child,
}

impl Prometheus {
    /// `None`, said aloud, where this machine has none. It takes a port that is free and says in its log which: one that was found free before could
    /// be another test's by then.
    async fn start(directory: &Path, server: SocketAddr) -> Option<Self> {
        fs::copy(repository("deploy/prometheus/alerts.yaml"), directory.join("alerts.yaml")).unwrap();
        let configuration = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yaml]\nscrape_configs:\n  - job_name: tollgate\n    \
             static_configs: [{{targets: [\"{server}\"]}}]\n"
        );
        fs::write(directory.join("prometheus.yaml"), configuration).unwrap();
        let log = directory.join("prometheus.log");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", directory.join("prometheus.yaml").display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("prometheus").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn();
        let mut process = match process {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: prometheus is not on this machine");
                return None;
            }
            Err(error) => panic!("prometheus does not start: {error}"),
        };
        let mut said = String::new();
        let mut address = None;
        let listening = async || {
            let ended = process.try_wait().unwrap();
            said = fs::read_to_string(&log).unwrap();
            assert_eq!(ended, None, "prometheus ended by itself: {said}");
            address = address_in(&said);
            address.is_some()
        };
        let listening = timeout(ANSWERED_WITHIN, eventually("Prometheus listens", listening)).await;
        assert!(listening.is_ok(), "prometheus does not say where it listens: {said}");
        Some(Self { address: address?, _process: process })
    }

    async fn is_ready(&self) -> bool {
        let connected = tokio::net::TcpStream::connect(self.address).await.is_ok();
        connected && get(self.address, "/-/ready").await.status == StatusCode::OK
    }

    /// The values that a query finds. What Prometheus does not understand fails the test.
    async fn ask(&self, query: &str) -> Vec<f64> {
        let encoded = Serializer::new(String::new()).append_pair("query", query).finish();
        let answer = get(self.address, &format!("/api/v1/query?{encoded}")).await;
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let found = answer["data"]["result"].as_array().unwrap().iter();
        found.map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Every rule as of its last evaluation.
    async fn rules(&self) -> Vec<Rule> {
        let answer: Value = serde_json::from_str(&get(self.address, "/api/v1/rules").await.text).unwrap();
        let groups = answer["data"]["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rule = |rule: &Value| Rule {
            name: text(&rule["name"]),
            health: text(&rule["health"]),
            state: text(&rule["state"]),
            evaluated_at: text(&rule["lastEvaluation"]),
        };
        rules.map(rule).collect()
    }
}

#[derive(Debug)]
struct Rule {
    name: String,
    health: String,
    state: String,
    evaluated_at: String,
}

impl Rule {
    /// A rule that waits for its time to run out is one whose condition holds.
    fn is_quiet(&self) -> bool {
        (self.health.as_str(), self.state.as_str()) == ("ok", "inactive")
    }
}

/// Where Prometheus listens, once the line of its log that says so is whole.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (whole, _) = log.rsplit_once('\n')?;
    let line = whole.lines().find(|line| line.contains("msg=\"Listening on\""))?;
    line.split(' ').find_map(|word| word.strip_prefix("address="))?.parse().ok()
}

/// A query of the dashboard as Grafana sends it with every variable at `All`.
fn as_grafana_asks(query: &str) -> String {
    query.replace("$__rate_interval", "20s").replace("$job", ".*").replace("$instance", ".*")
}

/// Each query of the dashboard that finds nothing, or nothing but what is no number.
async fn unanswered(prometheus: &Prometheus, asked: &[String]) -> Vec<String> {
    let mut unanswered = Vec::new();
    for query in asked {
        let found = prometheus.ask(query).await;
        if !found.iter().any(|value| value.is_finite()) {
            unanswered.push(query.clone());
        }
    }
    unanswered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_answers_every_query_of_the_dashboard_and_raises_nothing_while_all_is_well() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let mut config = place.config();
    // The time of the last audit is a metric, which an alert watches.
    config.audit.interval_s = 1;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let address = app.address();
    let Some(prometheus) = Prometheus::start(place.directory.path(), address).await else { return };
    eventually("Prometheus is ready", async || prometheus.is_ready().await).await;
    let key = place.set_up("ada", "1000", &upstream.base_url()).await;
    place.cli("user create bob --credits 1").await;
    let limited = place.new_key("bob").await;
    place.cli("limit set --user bob --requests-per-minute 1").await;
    place.cli("webhook low-balance ada 999.9").await;
    // Nobody listens there: an attempt that fails is an attempt.
    place.cli("webhook add http://127.0.0.1:9/hooks").await;
    eventually("a stream is served", async || {
        chat(address, &key, "prompt=1000 completion=500", true).await.status == StatusCode::OK
    })
    .await;

    let dashboard = fs::read_to_string(repository("deploy/grafana/tollgate.json")).unwrap();
    let mut asked = Vec::new();
    queries(&serde_json::from_str(&dashboard).unwrap(), &mut asked);
    asked.retain(|query| !query.starts_with("label_values(") && query != "prometheus");
    let mut asked: Vec<_> = asked.iter().map(|query| as_grafana_asks(query)).collect();
    asked.sort();
    asked.dedup();
    assert!(asked.len() > 30, "{asked:?}");
    asked.retain(|query| !query.contains(SILENT_WHILE_ALL_IS_WELL));

    let mut left = Vec::new();
    let traffic_and_answers = async || {
        for streamed in [true, false] {
            chat(address, &key, "prompt=1000 completion=500", streamed).await;
            chat(address, &limited, "prompt=1 completion=1", streamed).await;
        }
        left = unanswered(&prometheus, &asked).await;
        left.is_empty()
    };
    let answered = timeout(ANSWERED_WITHIN, eventually("all is answered", traffic_and_answers)).await;
    assert!(answered.is_ok(), "queries of the dashboard find nothing: {left:#?}");

    let (mut rules, mut held) = (Vec::new(), BTreeSet::new());
    let (mut counted, mut quiet_evaluations): (Vec<String>, usize) = (Vec::new(), 0);
    let quiet = async || {
        rules = prometheus.rules().await;
        if rules.len() < 19 || !rules.iter().all(Rule::is_quiet) {
            held.extend(
                rules
                    .iter()
                    .filter(|rule| !rule.is_quiet() && rule.health != "unknown")
                    .map(|rule| rule.name.clone()),
            );
            quiet_evaluations = 0;
        } else if rules.iter().enumerate().all(|(at, rule)| counted.get(at) != Some(&rule.evaluated_at)) {
            counted = rules.iter().map(|rule| rule.evaluated_at.clone()).collect();
            quiet_evaluations += 1;
        }
        quiet_evaluations == QUIET_EVALUATIONS
    };
    let quiet = timeout(ANSWERED_WITHIN, eventually("every rule is quiet for long enough", quiet)).await;
    assert!(quiet.is_ok(), "rules of a server that is well: {rules:#?}; some look was not quiet of {held:?}");
    app.stop().await.unwrap();
}
