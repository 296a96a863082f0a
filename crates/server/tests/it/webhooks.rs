//! Webhooks: a real receiver is told what becomes of balances, signed, in order, and until it takes it.

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use tollgate_domain::{Credits, Network};
use tollgate_server::{App, RunningApp, SystemClock};
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, chat, eventually, metric, post_json};

/// One message, as it came.
#[derive(Debug, Clone)]
struct Got {
    headers: HeaderMap,
    text: String,
    answered: StatusCode,
}

impl Got {
    fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// `type user`.
    fn what(&self) -> String {
        let body = self.body();
        format!("{} {}", body["type"].as_str().unwrap(), body["data"]["user"].as_str().unwrap_or("nobody"))
    }
}

/// How it answers a message, by all that it got before.
type Answer = fn(&Value, &[Got]) -> StatusCode;

#[derive(Debug, Clone)]
struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    async fn start(answer: Answer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), got: Arc::default() };
        let router = Router::new().fallback(take).with_state((Arc::clone(&receiver.got), answer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    fn taken(&self) -> Vec<String> {
        self.got().iter().filter(|got| got.answered == StatusCode::OK).map(Got::what).collect()
    }
}

async fn take(
    State((got, answer)): State<(Arc<Mutex<Vec<Got>>>, Answer)>,
    headers: HeaderMap,
    text: String,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut got = got.lock().unwrap();
    let answered = answer(&serde_json::from_str(&text).unwrap(), &got);
    got.push(Got { headers, text, answered });
    // Followed by whoever follows redirects.
    (answered, [("location", "/elsewhere")])
}

/// Checks a message with the specification's own library, where the SDKs are installed.
async fn verify(secret: &str, got: &Got) {
    let Some(home) = crate::sdks::sdk_home("python") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/verify_webhook.py");
    let headers: Value = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name.to_owned(), json!(got.header(name))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let input = json!({ "secret": secret, "headers": headers, "body": got.text }).to_string();
    let mut python = Command::new(home.join("bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = python.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "right, and wrong with another secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_is_low_depleted_and_refilled_is_told_in_this_order_and_signed() {
    let receiver = Receiver::start(|_, _| StatusCode::OK).await;
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "0.1", &upstream.base_url()).await;
    place.cli("user create bob --credits 1").await;
    let added = place.cli(&format!("webhook add {}?a=b --user ada", receiver.url())).await;
    let secret = added["secret"].as_str().unwrap();
    place.cli("webhook low-balance ada 0.06").await;
    let refused = place.cli_fails("webhook low-balance ada 0").await;
    assert!(refused.contains("above zero"), "{refused}");
    // Of others it hears nothing.
    place.cli("credit remove bob 1 --source-id s-1").await;
    eventually("the credits are spent", async || {
        chat(app.address(), &key, "prompt=1000 completion=500", false).await.status
            == StatusCode::PAYMENT_REQUIRED
    })
    .await;
    eventually("in the books too", async || place.cli("balance ada").await["balance"] == json!("0")).await;
    place.cli("credit grant ada 1 --source-id s-2").await;
    eventually("all of it is told", async || receiver.got().len() >= 3).await;

    let got = receiver.got();
    let what: Vec<String> = got.iter().map(Got::what).collect();
    assert_eq!(what, ["balance.low ada", "balance.depleted ada", "balance.refilled ada"]);
    let ids: HashSet<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| id.starts_with("msg_")), "{ids:?}");
    let data: Vec<Value> = got.iter().map(|got| got.body()["data"].clone()).collect();
    // Several requests may be one flush, and then one change of the balance.
    let amount = |value: &Value| value.as_str().unwrap().parse::<Credits>().unwrap();
    assert_eq!(data[0]["low_balance"], json!("0.06"));
    assert!(amount(&data[0]["balance_before"]) > amount(&json!("0.06")), "{}", data[0]);
    assert!(amount(&data[0]["balance"]) < amount(&json!("0.06")), "{}", data[0]);
    assert!(amount(&data[1]["balance_before"]) > Credits::ZERO, "{}", data[1]);
    assert_eq!(data[1]["balance"], json!("0"));
    assert_eq!((&data[2]["balance_before"], &data[2]["balance"]), (&json!("0"), &json!("1")));
    for got in &got {
        assert_eq!(got.header("content-type"), "application/json");
        assert!(got.body()["timestamp"].as_str().unwrap().ends_with('Z'));
        verify(secret, got).await;
    }
    eventually("it is written down", async || {
        let delivered = place.cli("webhook deliveries").await;
        delivered.as_array().unwrap().iter().all(|delivery| delivery["state"] == json!("delivered"))
    })
    .await;
    assert_eq!(metric(app.address(), r#"tollgate_webhook_attempts_total{outcome="delivered"}"#).await, 3);
    let listed = place.output("webhook list --json").await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("/hooks") && !listed.contains(secret) && !listed.contains("secret"), "{listed}");
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_tried_again_unchanged_and_holds_up_nobody_elses() {
    // Of ada: an error, a redirect, and then all is well.
    let receiver = Receiver::start(|body, before| {
        let tries = before.iter().filter(|got| got.body()["data"]["user"] == body["data"]["user"]).count();
        match tries {
            0 if body["data"]["user"] == json!("ada") => StatusCode::INTERNAL_SERVER_ERROR,
            1 if body["data"]["user"] == json!("ada") => StatusCode::TEMPORARY_REDIRECT,
            _ => StatusCode::OK,
        }
    })
    .await;
    let place = Place::with_database().await;
    let id = place.cli(&format!("webhook add {}", receiver.url())).await["id"].as_str().unwrap().to_owned();
    place.cli("user create ada --credits 1").await;
    place.cli("credit remove ada 1 --source-id s-1").await;
    place.cli("user create bob --credits 1").await;
    let app = place.serve().await;
    eventually("it failed", async || {
        let undelivered = place.cli("webhook deliveries --undelivered").await;
        let first = &undelivered.as_array().unwrap().last().cloned().unwrap_or_default();
        first["user"] == json!("ada") && first["attempts"].as_i64() >= Some(1)
    })
    .await;
    eventually("all of it is told", async || receiver.taken().len() == 3).await;
    let got = receiver.got();
    let of_ada: Vec<&Got> = got.iter().filter(|got| got.what().ends_with("ada")).collect();
    let what: Vec<String> = of_ada.iter().map(|got| got.what()).collect();
    assert_eq!(
        what,
        ["balance.refilled ada", "balance.refilled ada", "balance.refilled ada", "balance.depleted ada"]
    );
    for again in &of_ada[1..3] {
        assert_eq!(
            (again.header("webhook-id"), &again.text),
            (of_ada[0].header("webhook-id"), &of_ada[0].text)
        );
    }
    assert_eq!(got.len(), 5, "no redirect was followed");
    let bobs = got.iter().position(|got| got.what().ends_with("bob")).unwrap();
    let adas =
        got.iter().position(|got| got.answered == StatusCode::OK && got.what().ends_with("ada")).unwrap();
    assert!(bobs < adas, "bob's did not wait for ada's");

    let tested = place.cli(&format!("webhook test {id}")).await;
    assert_eq!((&tested["delivered"], &tested["status"]), (&json!(true), &json!(200)));
    assert_eq!(receiver.got().last().unwrap().what(), "webhook.test nobody");
    place.cli(&format!("webhook remove {id}")).await;
    place.cli("credit remove bob 1 --source-id s-2").await;
    assert_eq!(place.cli("webhook deliveries").await.as_array().unwrap().len(), 3, "none is owed any more");
    let refused = place.cli_fails(&format!("webhook test {id}")).await;
    assert!(refused.contains("there is no webhook"), "{refused}");
    let refused = place.cli_fails("webhook add ftp://example.com").await;
    assert!(refused.contains("https://example.com/hooks"), "{refused}");
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_one_delivers_each_message() {
    let receiver = Receiver::start(|_, _| StatusCode::OK).await;
    let here = Place::with_database().await;
    let there = Place::beside(&here);
    let (first, second) = (here.serve().await, there.serve().await);
    here.cli(&format!("webhook add {}", receiver.url())).await;
    for user in 0..8 {
        here.cli(&format!("user create user-{user} --credits 1")).await;
    }
    eventually("all are delivered", async || {
        let deliveries = here.cli("webhook deliveries").await;
        let deliveries = deliveries.as_array().unwrap();
        deliveries.len() == 8 && deliveries.iter().all(|delivery| delivery["state"] == json!("delivered"))
    })
    .await;
    let got = receiver.got();
    let ids: HashSet<&str> = got.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!((got.len(), ids.len()), (8, 8));
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_keeps_up_nobody_elses_messages() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = listener.local_addr().unwrap();
    let begun = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&begun);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            kept.lock().unwrap().push(connection);
        }
    });
    let receiver = Receiver::start(|_, _| StatusCode::OK).await;
    let place = Place::with_database().await;
    place.cli(&format!("webhook add http://{hanging}/hooks")).await;
    place.cli(&format!("webhook add {}", receiver.url())).await;
    for user in 0..12 {
        place.cli(&format!("user create user-{user} --credits 1")).await;
    }
    let started = std::time::Instant::now();
    let app = place.serve().await;
    eventually("the one that answers has all", async || receiver.got().len() >= 12).await;
    // An attempt may take 15 seconds; until then of the one that hangs no more than two are on their way.
    let most = 2 * (1 + usize::try_from(started.elapsed().as_secs()).unwrap() / 15);
    let begun = begun.lock().unwrap().len();
    assert!(begun <= most, "{begun} of the one that hangs");
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_the_management_api_is_delivered_and_one_that_leads_inside_since_is_not_connected_to() {
    let receiver = Receiver::start(|_, _| StatusCode::OK).await;
    let place = Place::with_database().await;
    let mut config = place.config();
    config.admin.allowed_networks = vec!["127.0.0.0/8".parse::<Network>().unwrap()].into();
    let open = App::start(config, Arc::new(SystemClock)).await.unwrap();
    place.cli("user create ada").await;
    place.cli("user create boss").await;
    let manager = place.cli("key create --user boss --purpose platform --role manager").await;
    let manager = manager["secret"].as_str().unwrap();
    let post = async |app: &RunningApp, path: &str, body: &Value| {
        let path = format!("/admin/api/v1/{path}");
        let reply = post_json(app.admin_address().unwrap(), &path, manager, body).await;
        (reply.status, serde_json::from_str::<Value>(&reply.text).unwrap())
    };
    let (status, made) = post(&open, "webhooks", &json!({ "url": receiver.url() })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let test = format!("webhooks/{}/test", made["id"].as_str().unwrap());
    let (_, tried) = post(&open, &test, &Value::Null).await;
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(true), &json!(200)), "{tried}");
    place.cli("credit grant ada 1 --source-id s-1").await;
    eventually("it is told", async || receiver.got().len() == 2).await;
    assert_eq!(receiver.taken(), ["webhook.test nobody", "balance.refilled ada"]);
    verify(made["secret"].as_str().unwrap(), &receiver.got()[1]).await;
    open.stop().await.unwrap();

    // The network is closed again, as if a public name had come to lead here: neither the deliverer nor a test connects, whoever asks for it.
    let closed = place.serve().await;
    place.cli("credit remove ada 1 --source-id s-2").await;
    let mut delivery = Value::Null;
    eventually("it was tried", async || {
        delivery = place.cli("webhook deliveries --undelivered").await[0].clone();
        delivery["attempts"].as_i64() >= Some(1)
    })
    .await;
    let refused = |said: &Value| {
        let error = said["error"].as_str().or(said["last_error"].as_str()).unwrap_or_default();
        assert!(error.contains("not connected to") && error.contains("allowed_networks"), "{said}");
    };
    refused(&delivery);
    let (status, tried) = post(&closed, &test, &Value::Null).await;
    assert_eq!((status, &tried["delivered"]), (StatusCode::OK, &json!(false)), "{tried}");
    refused(&tried);
    let by_command = place.output(&format!("--json webhook test {}", made["id"].as_str().unwrap())).await;
    refused(&serde_json::from_slice(&by_command.stdout).unwrap());
    let (status, again) = post(&closed, "webhooks", &json!({ "url": receiver.url() })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{again}");
    assert_eq!(receiver.got().len(), 2, "nobody knocked");
    // What the command line set may lead anywhere.
    let by_hand = place.cli(&format!("webhook add {}", receiver.url())).await;
    let sent = place.cli(&format!("webhook test {}", by_hand["id"].as_str().unwrap())).await;
    assert_eq!(sent["delivered"], json!(true), "{sent}");
    closed.stop().await.unwrap();
}
