//! No secret, prompt or completion is found where it does not belong: in a log line, a metric, an error or a table.

use std::process::Stdio;

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, eventually, get, get_with_key, published, say, sql};

const PROMPT: &str = "canary-prompt-3f9a17";
const COMPLETION: &str = "canary-completion-77c0de";
const UPSTREAM_SECRET: &str = "canary-upstream-secret-b41d";
const UNKNOWN_KEY: &str = "tg-canary-unknown-key-0a0b0c0d0e0f";

/// Everything in every table, as text; `bytea` as the text that it may hold.
async fn dump(url: &str) -> String {
    let client = sql(url).await;
    let tables = client
        .query(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'public'",
            &[],
        )
        .await
        .unwrap();
    let mut text = String::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = client.query(&format!("select t::text from {table} t"), &[]).await.unwrap();
        for row in rows {
            text.extend([table.as_str(), ": ", row.get(0), "\n"]);
        }
    }
    text
}

#[tokio::test]
async fn no_secret_prompt_or_completion_is_in_a_log_line_a_metric_an_error_or_a_table() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("TOLLGATE_LOG__FILTER", "trace");
    let mut server = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = Vec::new();
        stderr.read_to_end(&mut log).await.unwrap();
        String::from_utf8(log).unwrap()
    });
    let address = published(&place.data_dir().join("listen.addr")).await.parse().unwrap();

    let created = place
        .command()
        .args(["endpoint", "create", "up", &upstream.base_url(), "--api-key-env", "UP_KEY"])
        .env("UP_KEY", UPSTREAM_SECRET)
        .output()
        .await
        .unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    place.cli("user create ada --credits 0.01").await;
    place.cli("model create gpt-test --endpoint up").await;
    place.cli("tariff set gpt-test --input-price 0.00001 --output-price 0.00003").await;
    let key = place.new_key("ada").await;
    eventually("the model is known", async || {
        get_with_key(address, "/v1/models", &key).await.text.contains("gpt-test")
    })
    .await;

    let ask = async |key: &str, script: &str, stream| {
        say(address, key, &format!("{PROMPT} [[script {script}]]"), stream).await
    };
    let mut errors = String::new();
    let replied = format!("prompt=10 completion=2 reply={COMPLETION}");
    for stream in [false, true] {
        let reply = ask(&key, &replied, stream).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        assert!(
            reply.text.contains("canary-completion"),
            "the completion reaches the client: {}",
            reply.text
        );
        let cut = ask(&key, &format!("{replied} usage=none"), stream).await;
        assert_eq!(cut.status, StatusCode::OK);
    }
    errors.push_str(&ask(&key, "drop", false).await.text);
    errors.push_str(&ask(UNKNOWN_KEY, &replied, false).await.text);
    assert_eq!(ask(&key, "prompt=1000 completion=1000", false).await.status, StatusCode::OK);
    eventually("the account is dry", async || {
        let reply = ask(&key, &replied, false).await;
        errors.push_str(&reply.text);
        reply.status == StatusCode::PAYMENT_REQUIRED
    })
    .await;
    let books = upstream.books();
    assert!(
        books.iter().any(|entry| entry.header("authorization") == Some(&format!("Bearer {UPSTREAM_SECRET}"))),
        "the upstream gets its own credential"
    );
    assert!(
        !books.iter().any(|entry| format!("{:?}", entry.headers).contains(&key)),
        "and never the client's"
    );

    let metrics = get(address, "/metrics").await.text;
    assert!(metrics.contains("tollgate_"), "{metrics}");
    let audit = place.cli("audit").await.to_string();
    let tables = dump(place.database_url()).await;
    assert!(tables.contains("ada"), "the dump has rows");
    let pid = Pid::from_raw(i32::try_from(server.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(server.wait().await.unwrap().success());
    let log = log.await.unwrap();
    assert!(log.contains("tollgate"), "the log has lines: {log}");

    let master_key = std::fs::read_to_string(place.master_key_file()).unwrap();
    for (place, text) in
        [("log", &log), ("metrics", &metrics), ("errors", &errors), ("audit", &audit), ("tables", &tables)]
    {
        for secret in [PROMPT, COMPLETION, UPSTREAM_SECRET, UNKNOWN_KEY, &key, master_key.trim()] {
            let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            for form in [secret.to_owned(), hex] {
                let found = text.lines().find(|line| line.contains(&form));
                assert!(found.is_none(), "`{secret}` is in the {place}: {}", found.unwrap_or_default());
            }
        }
    }
}
