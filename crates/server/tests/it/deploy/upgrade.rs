//! The data directory and the database of an earlier version, as they were when it was killed, go on with this one.
//!
//! `tests/old/v7/` was left behind by a real binary whose schema ended at migration 7, killed while PostgreSQL was away and a stream was in flight.
//! The test at the end of this file made it; a later version gets a directory of its own beside it, and none is ever made again.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Command;
use tollgate_testkit::{ScriptedUpstream, TestPostgres};

use super::{balance, repository, request_log, run_client};
use crate::{
    harness::{Place, chat, eventually, post_json, published, sql},
    processes::signal,
};

/// The files of a spool that hold something; the others are made anew.
const SPOOL: [&str; 3] = ["spool.sqlite", "spool.sqlite-wal", "spool.mark"];

/// Puts an old directory and database in the place.
async fn restore(old: &Path, place: &Place) {
    let dump = fs::read_to_string(old.join("database.sql")).unwrap();
    sql(place.database_url()).await.batch_execute(&dump).await.unwrap();
    fs::copy(old.join("master.key"), place.master_key_file()).unwrap();
    fs::set_permissions(place.master_key_file(), PermissionsExt::from_mode(0o600)).unwrap();
    let spool = place.data_dir().join("spool");
    fs::create_dir_all(&spool).unwrap();
    for name in SPOOL {
        fs::copy(old.join(name), spool.join(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_left_behind_goes_on_with_this_one() {
    let old = repository("crates/server/tests/old/v7");
    let place = Place::with_database().await;
    restore(&old, &place).await;
    let before = request_log(place.database_url()).await;
    assert_eq!(before.len(), 7, "{before:#?}");

    let app = place.serve().await;
    // Seven in the books, three that waited in the spool, and one that the kill interrupted.
    let mut log = Vec::new();
    eventually("what waited is entered", async || {
        log = request_log(place.database_url()).await;
        log.len() >= 11
    })
    .await;
    assert!(before.iter().all(|row| log.contains(row)), "old rows are as they were: {before:#?} {log:#?}");
    let states = "select string_agg(state || ' ' || n, ', ' order by state) from \
                  (select state, count(*) as n from http_analytics group by state) as counted";
    let client = sql(place.database_url()).await;
    let found: String = client.query_one(states, &[]).await.unwrap().get(0);
    assert_eq!(found, "charged 8, free 1, unrated 1, voided 1");
    // 3 × 0.025 before the price changed, 2 × 0.035 after, and 3 × 0.035 from the spool.
    assert_eq!(balance(&place, "ada").await, json!("9.75"));
    assert_eq!(place.cli("audit").await["ok"], json!(true));

    // Old keys open, old models are there, and what the old version could not price is priced now.
    let upstream = ScriptedUpstream::start().await;
    let key = fs::read_to_string(old.join("key.txt")).unwrap();
    place.cli(&format!("endpoint set up --url {}", upstream.base_url())).await;
    place
        .cli("tariff set unpriced --input-price 0.00001 --output-price 0.00003 --valid-from 2026-01-01")
        .await;
    eventually("a request with the old key is served and charged, and the old one as well", async || {
        let _served = chat(app.address(), key.trim(), "prompt=0 completion=0", false).await;
        balance(&place, "ada").await == json!("9.725")
    })
    .await;
    assert!(!upstream.books().is_empty());
    app.stop().await.unwrap();
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    assert_eq!(place.cli("spool verify").await["damaged"], json!([]));
}

#[tokio::test]
async fn a_schema_that_a_later_version_made_is_refused_by_server_and_commands() {
    let place = Place::with_database().await;
    place.cli("migrate").await;
    let later = "insert into refinery_schema_history (version, name, applied_on, checksum) \
                 values (9999, 'of_tomorrow', '2030-01-01T00:00:00Z', '1')";
    sql(place.database_url()).await.batch_execute(later).await.unwrap();
    for line in ["serve --listen 127.0.0.1:0", "user list", "migrate"] {
        let refused = place.cli_fails(line).await;
        assert!(refused.contains("of_tomorrow") && refused.contains("later"), "{line}: {refused}");
    }
}

/// Runs an earlier binary in a place.
struct Old<'a> {
    binary: PathBuf,
    place: &'a Place,
}

impl Old<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("TOLLGATE_MASTER_KEY_FILE", self.place.master_key_file());
        command.env("TOLLGATE_DATABASE__URL", self.place.database_url());
        command.arg("--data-dir").arg(self.place.data_dir()).arg("--json");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn cli(&self, line: &str) -> Value {
        let output = self.command().args(line.split_whitespace()).output().await.unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Run with `OLD_TOLLGATE=<binary>` and `WRITE_OLD=<directory>` to make the directory of another earlier version.
#[tokio::test(flavor = "multi_thread")]
async fn helper_writes_an_old_directory_when_asked() {
    let (Some(binary), Some(directory)) = (std::env::var_os("OLD_TOLLGATE"), std::env::var_os("WRITE_OLD"))
    else {
        return;
    };
    let (binary, directory) = (PathBuf::from(binary), PathBuf::from(directory));
    fs::create_dir_all(&directory).unwrap();
    let upstream = ScriptedUpstream::start().await;
    let mut postgres = TestPostgres::private().await;
    let place = Place::on(&postgres.url());
    let old = Old { binary, place: &place };
    let mut server = old.command().args(["serve", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let address = published(&place.data_dir().join("listen.addr")).await.parse().unwrap();

    old.cli("user create ada --credits 10").await;
    old.cli(&format!("endpoint create up {}", upstream.base_url())).await;
    old.cli("model create gpt-test --endpoint up --upstream-model upstream-gpt").await;
    old.cli("model create unpriced --endpoint up --upstream-model upstream-gpt").await;
    old.cli("tariff set gpt-test --input-price 0.00001 --output-price 0.00003").await;
    let key = old.cli("key create --user ada").await["secret"].as_str().unwrap().to_owned();
    let served = async |model: &str, script: &str, status: u16, count: usize| {
        let content = format!("x [[script {script}]]");
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": content }] });
        for _ in 0..count {
            eventually("a request is served", async || {
                post_json(address, "/v1/chat/completions", &key, &body).await.status == status
            })
            .await;
        }
    };
    let entered = async |count: usize| {
        eventually("they are in the books", async || request_log(&postgres.url()).await.len() == count).await;
    };
    served("gpt-test", "prompt=1000 completion=500", 200, 3).await;
    entered(3).await;
    old.cli("tariff set gpt-test --input-price 0.00002 --output-price 0.00003").await;
    served("gpt-test", "prompt=1000 completion=500", 200, 2).await;
    served("unpriced", "prompt=1000 completion=500", 200, 1).await;
    served("gpt-test", "status=500", 500, 1).await;
    entered(7).await;
    postgres.stop().await;
    served("gpt-test", "prompt=1000 completion=500", 200, 3).await;
    let streamed = key.clone();
    let cut_off = tokio::spawn(async move {
        crate::harness::chat_until_cut(
            address,
            &streamed,
            "prompt=1000 completion=500 frames=1000 frame_delay_ms=100",
        )
        .await
    });
    upstream.wait_for(|books| books.len() == 11 && books[10].bytes_sent > 0).await;
    signal(&server, Signal::KILL);
    server.wait().await.unwrap();
    assert!(cut_off.await.unwrap());

    postgres.start_again().await;
    let dump = directory.join("database.sql");
    assert!(
        run_client("pg_dump", &["--inserts", "--no-owner", "-f", dump.to_str().unwrap(), &postgres.url()])
            .await
    );
    // What only psql understands.
    let text = fs::read_to_string(&dump).unwrap();
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with('\\')).collect();
    fs::write(&dump, text.join("\n") + "\n").unwrap();
    fs::write(directory.join("key.txt"), key + "\n").unwrap();
    fs::copy(place.master_key_file(), directory.join("master.key")).unwrap();
    for name in SPOOL {
        fs::copy(place.data_dir().join("spool").join(name), directory.join(name)).unwrap();
    }
}
