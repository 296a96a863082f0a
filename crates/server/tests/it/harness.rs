//! A place to run servers and commands in: a database, a data directory, and an environment of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::process::Command;
use tollgate_server::{App, RunningApp, SystemClock, config::Config};
use tollgate_testkit::TestDatabase;

/// The longest any condition may take to come true before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// A data directory and the database that it works with.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
    database: Option<Arc<TestDatabase>>,
    /// In place of `database`: one that the test itself keeps.
    url: Option<String>,
    master_key_file: PathBuf,
}

impl Place {
    /// With a test database, as with `database.url` in the configuration.
    pub(crate) async fn with_database() -> Self {
        let database = TestDatabase::empty().await;
        Self { database: Some(Arc::new(database)), ..Self::with_private_postgres() }
    }

    /// Without a configured database: Tollgate runs its own.
    pub(crate) fn with_private_postgres() -> Self {
        // A private PostgreSQL of a root process runs as another user, who must get through.
        let directory = tempfile::Builder::new()
            .prefix("tollgate-it-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711))
            .tempdir()
            .unwrap();
        let master_key_file = directory.path().join("shared-master.key");
        Self { directory, database: None, url: None, master_key_file }
    }

    /// On a database that the test itself keeps.
    pub(crate) fn on(url: &str) -> Self {
        Self { url: Some(url.to_owned()), ..Self::with_private_postgres() }
    }

    /// Another data directory on the same database, with the same master key.
    pub(crate) fn beside(other: &Self) -> Self {
        Self {
            database: other.database.clone(),
            master_key_file: other.master_key_file.clone(),
            ..Self::with_private_postgres()
        }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Goes on with another database.
    pub(crate) fn use_database(&mut self, url: &str) {
        self.url = Some(url.to_owned());
    }

    /// Gives up the master key that is shared with the place beside.
    pub(crate) fn use_own_master_key(&mut self) {
        self.master_key_file = self.directory.path().join("own-master.key");
    }

    pub(crate) fn master_key_file(&self) -> &Path {
        &self.master_key_file
    }

    pub(crate) fn database_url(&self) -> &str {
        self.configured_url().expect("a place with a database")
    }

    fn configured_url(&self) -> Option<&str> {
        self.url.as_deref().or(self.database.as_deref().map(TestDatabase::url))
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config {
            listen: "127.0.0.1:0".to_owned(),
            data_dir: self.data_dir(),
            master_key_file: Some(self.master_key_file.clone()),
            ..Config::default()
        };
        config.database.url = self.configured_url().map(SecretString::from);
        config
    }

    /// A server in this process.
    pub(crate) async fn serve(&self) -> RunningApp {
        App::start(self.config(), Arc::new(SystemClock)).await.unwrap()
    }

    /// The binary with this place's environment and no other settings.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_"))
        {
            command.env_remove(name);
        }
        command.env("TOLLGATE_MASTER_KEY_FILE", &self.master_key_file);
        if let Some(url) = self.configured_url() {
            command.env("TOLLGATE_DATABASE__URL", url);
        }
        command.arg("--data-dir").arg(self.data_dir());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// A command that knows the data directory and nothing else.
    pub(crate) fn command_by_data_dir_alone(&self) -> Command {
        let mut command = self.command();
        command.env_remove("TOLLGATE_DATABASE__URL");
        command
    }

    /// The output of a command line, words separated by blanks.
    pub(crate) async fn output(&self, line: &str) -> Output {
        self.command().args(line.split_whitespace()).output().await.unwrap()
    }

    /// What a command answers under `--json`; it must succeed.
    pub(crate) async fn cli(&self, line: &str) -> Value {
        let output = self.output(&format!("{line} --json")).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tollgate {line}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("tollgate {line}: {error} in {}", String::from_utf8_lossy(&output.stdout))
        })
    }

    /// What a command says on stderr; it must fail, and answer nothing on stdout.
    pub(crate) async fn cli_fails(&self, line: &str) -> String {
        let output = self.output(&format!("{line} --json")).await;
        assert!(!output.status.success(), "tollgate {line} must fail");
        assert!(output.stdout.is_empty(), "tollgate {line}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    /// A user with credits, an endpoint, a model at 0.00001 / 0.00003, and the secret of a key.
    pub(crate) async fn set_up(&self, user: &str, credits: &str, upstream: &str) -> String {
        self.cli(&format!("user create {user} --credits {credits}")).await;
        self.cli(&format!("endpoint create up {upstream}")).await;
        self.cli("model create gpt-test --endpoint up --upstream-model upstream-gpt").await;
        self.cli("tariff set gpt-test --input-price 0.00001 --output-price 0.00003").await;
        self.new_key(user).await
    }

    pub(crate) async fn new_key(&self, user: &str) -> String {
        let key = self.cli(&format!("key create --user {user}")).await;
        key["secret"].as_str().unwrap().to_owned()
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

async fn send(request: Request<Full<Bytes>>) -> Reply {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    Reply { status: parts.status, headers: parts.headers, text }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Reply {
    send(Request::get(format!("http://{address}{path}")).body(Full::default()).unwrap()).await
}

pub(crate) async fn get_with_key(address: SocketAddr, path: &str, key: &str) -> Reply {
    let request =
        Request::get(format!("http://{address}{path}")).header("authorization", format!("Bearer {key}"));
    send(request.body(Full::default()).unwrap()).await
}

/// A write with these headers and this JSON.
pub(crate) async fn write_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Reply {
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("content-type", "application/json");
    send(request.body(Full::from(body.to_string())).unwrap()).await
}

/// A write of the management API, under an idempotency key of its own.
pub(crate) async fn post_json(address: SocketAddr, path: &str, key: &str, body: &Value) -> Reply {
    let request = Request::post(format!("http://{address}{path}"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("idempotency-key", uuid::Uuid::new_v4().to_string());
    send(request.body(Full::from(body.to_string())).unwrap()).await
}

/// A chat completion. `script` tells the scripted upstream what to do.
pub(crate) async fn chat(address: SocketAddr, key: &str, script: &str, stream: bool) -> Reply {
    say(address, key, &format!("Say hello. [[script {script}]]"), stream).await
}

/// A chat completion with this prompt.
pub(crate) async fn say(address: SocketAddr, key: &str, content: &str, stream: bool) -> Reply {
    send(chat_request(address, key, content, stream)).await
}

/// A streamed chat completion; whether it was cut off before its end.
pub(crate) async fn chat_until_cut(address: SocketAddr, key: &str, script: &str) -> bool {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = chat_request(address, key, &format!("Say hello. [[script {script}]]"), true);
    client.request(request).await.unwrap().into_body().collect().await.is_err()
}

/// A streamed chat completion, once its first bytes are here: the rest of it.
pub(crate) async fn chat_begun(address: SocketAddr, key: &str, script: &str) -> Incoming {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = chat_request(address, key, &format!("Say hello. [[script {script}]]"), true);
    let mut answer = client.request(request).await.unwrap().into_body();
    answer.frame().await.unwrap().unwrap();
    answer
}

/// A streamed chat completion whose client goes away after the first bytes of the answer; its status.
pub(crate) async fn chat_and_leave(address: SocketAddr, key: &str, script: &str) -> StatusCode {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = chat_request(address, key, &format!("Say hello. [[script {script}]]"), true);
    let response = client.request(request).await.unwrap();
    let status = response.status();
    response.into_body().frame().await.unwrap().unwrap();
    status
}

/// The value of one metric, by its name with its labels; zero where there is none yet.
pub(crate) async fn metric(address: SocketAddr, name: &str) -> i64 {
    let text = get(address, "/metrics").await.text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

fn chat_request(address: SocketAddr, key: &str, content: &str, stream: bool) -> Request<Full<Bytes>> {
    let body = json!({
        "model": "gpt-test", "stream": stream, "messages": [{ "role": "user", "content": content }]
    });
    let request = Request::post(format!("http://{address}/v1/chat/completions"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json");
    request.body(Full::from(body.to_string())).unwrap()
}

/// Waits until `condition` holds, and tells how long that took.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    loop {
        if condition().await {
            return started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A connection to look at the tables with.
pub(crate) async fn sql(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The text of a file that another process is about to write.
pub(crate) async fn published(path: &Path) -> String {
    let mut text = String::new();
    eventually(&format!("{} is there", path.display()), async || {
        text = std::fs::read_to_string(path).unwrap_or_default();
        !text.is_empty()
    })
    .await;
    text.trim().to_owned()
}
