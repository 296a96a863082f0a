//! The dashboard and the alert rules speak only of metrics, and of labels, that a running server has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use http::StatusCode;
use serde_json::Value;
use tollgate_testkit::ScriptedUpstream;

use super::repository;
use crate::harness::{Place, chat, eventually, get};

/// What Prometheus itself adds to each sample.
const OF_THE_SCRAPE: [&str; 2] = ["job", "instance"];
const OURS: [&str; 2] = ["tollgate_", "gen_ai_"];

/// The labels of each metric.
type Exposed = BTreeMap<String, BTreeSet<String>>;

/// Reads an exposition: `name{label="value",…} number`.
fn exposed(text: &str) -> Exposed {
    let mut exposed = Exposed::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        exposed.entry(name.to_owned()).or_default().extend(labels(rest));
    }
    exposed
}

/// The names in `{name="value", …}` at the beginning of the text.
fn labels(text: &str) -> Vec<String> {
    let Some(mut rest) = text.strip_prefix('{') else { return Vec::new() };
    let mut labels = Vec::new();
    while let Some((name, value)) = rest.split_once('"') {
        if name.contains('}') {
            break;
        }
        labels.push(name.trim_matches([',', ' ', '=', '~', '!']).to_owned());
        rest = value.split_once('"').unwrap().1;
    }
    labels
}

/// What of ours is said in `text` that no server has.
fn unknown(text: &str, exposed: &Exposed) -> BTreeSet<String> {
    let labels_of_all: BTreeSet<&str> =
        exposed.values().flatten().map(String::as_str).chain(OF_THE_SCRAPE).collect();
    let mut unknown = BTreeSet::new();
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        rest = &rest[start..];
        let (word, after) = rest.split_at(rest.find(|character| !is_part(character)).unwrap_or(rest.len()));
        rest = after;
        if word == "by" && after.starts_with(" (") {
            let (list, _) = after[2..].split_once(')').unwrap();
            let names = list.split(',').map(str::trim);
            unknown.extend(
                names.filter(|name| !labels_of_all.contains(name)).map(|name| format!("by ({name})")),
            );
        }
        if !OURS.iter().any(|prefix| word.starts_with(prefix)) {
            continue;
        }
        match exposed.get(word) {
            Some(known) => {
                let wrong = labels(after)
                    .into_iter()
                    .filter(|label| !known.contains(label) && !OF_THE_SCRAPE.contains(&label.as_str()));
                unknown.extend(wrong.map(|label| format!("{word}{{{label}}}")));
            }
            None if labels_of_all.contains(word) => {}
            None => unknown.extend([word.to_owned()]),
        }
    }
    unknown
}

/// The queries of a dashboard.
pub(super) fn queries(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if ["expr", "query", "definition"].contains(&name.as_str()) => {
                        into.push(text.clone());
                    }
                    value => queries(value, into),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, into)),
        _ => {}
    }
}

/// What a server tells that has done a little of everything: some metrics are there from their first event on.
async fn metrics_of_a_server() -> Exposed {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let address = app.address();
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    place.cli("webhook low-balance ada 0.9999").await;
    // Nobody listens there: an attempt that fails is an attempt.
    place.cli("webhook add http://127.0.0.1:9/hooks").await;
    eventually("a stream is served", async || {
        chat(address, &key, "prompt=1000 completion=500", true).await.status == StatusCode::OK
    })
    .await;
    place.cli("limit set --user ada --requests-per-minute 1").await;
    eventually("a request is refused for its limit", async || {
        chat(address, &key, "prompt=1 completion=1", false).await.status == StatusCode::TOO_MANY_REQUESTS
    })
    .await;
    let mut text = String::new();
    eventually("the books and the webhook are told of", async || {
        text = get(address, "/metrics").await.text;
        ["tollgate_webhook_attempts_total{", "gen_ai_server_time_to_first_token_seconds_count{"]
            .iter()
            .all(|name| text.contains(name))
    })
    .await;
    app.stop().await.unwrap();
    exposed(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_alerts_speak_of_metrics_that_a_server_has() {
    let exposed = metrics_of_a_server().await;
    let alerts = fs::read_to_string(repository("deploy/prometheus/alerts.yaml")).unwrap();
    let dashboard = fs::read_to_string(repository("deploy/grafana/tollgate.json")).unwrap();
    let mut asked = Vec::new();
    queries(&serde_json::from_str(&dashboard).unwrap(), &mut asked);
    assert!(asked.len() > 30, "{asked:?}");
    assert!(alerts.matches("tollgate_").count() > 20, "{alerts}");
    assert_eq!(unknown(&alerts, &exposed), BTreeSet::new(), "in the alerts; there are {exposed:#?}");
    assert_eq!(
        unknown(&asked.join("\n"), &exposed),
        BTreeSet::new(),
        "in the dashboard; there are {exposed:#?}"
    );
}

#[test]
fn what_no_server_has_is_found() {
    let exposed = exposed("# TYPE tollgate_a counter\ntollgate_a_total{x=\"1\",y=\"a}b\"} 1\ntollgate_b 2\n");
    let found = |text| unknown(text, &exposed).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(found("sum by (x, job) (rate(tollgate_a_total{y=~\"a}b\", job=\"j\"}[5m])) > tollgate_b"), "");
    assert_eq!(found("rate(tollgate_a[5m]) + tollgate_a_total{z=\"1\"}"), "tollgate_a tollgate_a_total{z}");
    assert_eq!(found("sum by (w) (tollgate_b{x=\"1\"})"), "by (w) tollgate_b{x}");
}
