//! No secret, prompt or completion is found where it does not belong: in a log line, a metric, an error or a table. Of requests, and of what people
//! and programs send to the management API.

use std::process::Stdio;

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, Reply, eventually, get, get_with_key, published, say, sql, write_with};

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
    let places = [
        ("log", log.as_str()),
        ("metrics", &metrics),
        ("errors", &errors),
        ("audit", &audit),
        ("tables", &tables),
    ];
    assert_absent(&[PROMPT, COMPLETION, UPSTREAM_SECRET, UNKNOWN_KEY, &key, master_key.trim()], &places);
}

/// None of these secrets is in any of these places, as it is or as hexadecimal digits.
fn assert_absent(secrets: &[&str], places: &[(&str, &str)]) {
    for secret in secrets {
        assert!(secret.len() > 11, "`{secret}` may be found by chance");
        let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        for form in [(*secret).to_owned(), hex] {
            for (place, text) in places {
                let found = text.lines().find(|line| line.contains(&form));
                assert!(found.is_none(), "`{secret}` is in the {place}: {}", found.unwrap_or_default());
            }
        }
    }
}

const PASSWORD: &str = "canary password 51d0c9";
const WRONG_PASSWORD: &str = "canary wrong password 7be2";
const SET_CREDENTIAL: &str = "canary-set-credential-90af";

#[tokio::test]
async fn nothing_secret_of_the_management_api_is_in_a_log_line_a_metric_an_error_or_a_table() {
    let place = Place::with_database().await;
    place.cli("user create boss").await;
    place.cli("user role boss manager").await;
    let manager = place.cli("key create --user boss --purpose platform --role manager").await;
    let manager = manager["secret"].as_str().unwrap();
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("TOLLGATE_LOG__FILTER", "trace");
    command.env("TOLLGATE_ADMIN__LISTEN", "127.0.0.1:0");
    let mut server = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stderr = server.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = Vec::new();
        stderr.read_to_end(&mut log).await.unwrap();
        String::from_utf8(log).unwrap()
    });
    let gateway = published(&place.data_dir().join("listen.addr")).await.parse().unwrap();
    let admin = published(&place.data_dir().join("admin.addr")).await.parse().unwrap();
    let mut errors = String::new();
    let mut post = async |path: &str, headers: &[(&str, &str)], body: Value| {
        let path = format!("/admin/api/v1{path}");
        let reply = write_with(admin, "POST", &path, headers, &body).await;
        if !reply.status.is_success() {
            errors.push_str(&reply.text);
        }
        reply
    };
    let bearer = format!("Bearer {manager}");
    let by_key: &[(&str, &str)] = &[("authorization", &bearer)];
    let secret_of = |reply: &Reply, name: &str| {
        let body: Value = serde_json::from_str(&reply.text).unwrap();
        body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
    };

    // A person: a link, a session, a password, and what is typed wrong.
    let link = place.cli("user sign-in-link boss").await["url"].as_str().unwrap().to_owned();
    let code = link.split_once("code=").unwrap().1.to_owned();
    let reply = post("/session", &[], json!({ "code": code })).await;
    let token = secret_of(&reply, "csrf_token");
    let cookie = reply.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let by_session: &[(&str, &str)] = &[("cookie", &cookie), ("x-csrf-token", &token)];
    let path = "/admin/api/v1/session/password";
    let set = write_with(admin, "PUT", path, by_session, &json!({ "password": PASSWORD })).await;
    assert!(set.status.is_success(), "{}", set.text);
    let right = post("/session", &[], json!({ "name": "boss", "password": PASSWORD })).await;
    assert!(right.status.is_success(), "{}", right.text);
    for body in [
        json!({ "name": "boss", "password": WRONG_PASSWORD }),
        json!({ "name": WRONG_PASSWORD, "password": WRONG_PASSWORD }),
        json!({ "code": code }),
    ] {
        assert_eq!(post("/session", &[], body).await.status, StatusCode::UNAUTHORIZED);
    }

    // A program: keys, credentials and secrets, and some that are refused.
    let ada = secret_of(&post("/users", by_key, json!({ "name": "ada" })).await, "id");
    let key = secret_of(&post("/api-keys", by_key, json!({ "user_id": ada })).await, "secret");
    let webhook = json!({ "url": "https://93.184.216.34/hooks" });
    let signing = secret_of(&post("/webhooks", by_key, webhook).await, "secret");
    let endpoint = |url: &str| json!({ "name": "up", "base_url": url, "credential": SET_CREDENTIAL });
    let made = post("/endpoints", by_key, endpoint("https://93.184.216.34")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    for url in ["https://93.184.216.34", "http://127.0.0.1:1"] {
        let refused = post("/endpoints", by_key, endpoint(url)).await;
        assert!(refused.status.is_client_error(), "{}", refused.text);
    }
    let with_unknown = json!({ "name": "x", "base_url": SET_CREDENTIAL, "secret": SET_CREDENTIAL });
    assert_eq!(post("/endpoints", by_key, with_unknown).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = format!("Bearer {UNKNOWN_KEY}");
    let refused = post("/users", &[("authorization", &unknown)], json!({ "name": "bob" })).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);

    let metrics = get(gateway, "/metrics").await.text;
    let tables = dump(place.database_url()).await;
    assert!(tables.contains("ada"), "the dump has rows");
    let pid = Pid::from_raw(i32::try_from(server.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(server.wait().await.unwrap().success());
    let log = log.await.unwrap();
    assert!(log.contains("every record is in the books"), "the log has lines: {log}");
    let cookie = cookie.split_once('=').unwrap().1;
    assert_absent(
        &[
            PASSWORD,
            WRONG_PASSWORD,
            SET_CREDENTIAL,
            UNKNOWN_KEY,
            manager,
            &key,
            &signing,
            &code,
            cookie,
            &token,
        ],
        &[("log", &log), ("metrics", &metrics), ("errors", &errors), ("tables", &tables)],
    );
}
