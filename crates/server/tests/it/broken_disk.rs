//! A disk that fails beneath a running server: injected by the library that the spool's own tests use.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, chat, eventually, get};

/// The library, compiled; `None` where that cannot be done.
fn faults(directory: &Path) -> Option<PathBuf> {
    let library = directory.join("faults.so");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../spool/tests/it/faults.c");
    let mut compile = std::process::Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    if cfg!(target_os = "linux") && compile.status().is_ok_and(|status| status.success()) {
        return Some(library);
    }
    eprintln!("skipped: no C compiler for faults.c, or not Linux");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_fsync_a_server_confirms_nothing_ends_and_its_successor_has_all_that_was_confirmed() {
    let place = Place::with_database().await;
    let Some(library) = faults(place.directory.path()) else { return };
    let upstream = ScriptedUpstream::start().await;
    let key = place.set_up("ada", "10", &upstream.base_url()).await;
    let fault = place.directory.path().join("fault");

    let mut command = place.command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--json"])
        .env("LD_PRELOAD", &library)
        .env("SPOOL_FAULT", &fault)
        .env("SPOOL_FSYNCS", place.directory.path().join("fsyncs"))
        .env("SPOOL_RESERVE", place.data_dir().join("spool/spool.reserve"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let address = ready["listen"].as_str().unwrap().parse().unwrap();
    for _ in 0..3 {
        let reply = chat(address, &key, "prompt=1000 completion=500", false).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }

    std::fs::write(&fault, "fsync").unwrap();
    let reply = chat(address, &key, "prompt=1000 completion=500", false).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.text);
    assert!(reply.text.contains("records_unavailable"), "{}", reply.text);
    let ended = server.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{said}");
    assert!(said.contains("the spool is poisoned") && said.contains("disk I/O error"), "{said}");

    let app = place.serve().await;
    assert_eq!(get(app.address(), "/readyz").await.status, StatusCode::OK);
    eventually("what was confirmed is in the books", async || {
        place.cli("usage --user ada").await[0]["requests"].as_u64() >= Some(3)
    })
    .await;
    app.stop().await.unwrap();
    // Three were confirmed. The fourth, which was refused, is in one state: interrupted, which is free, where the disk has its beginning; charged like
    // one whose client had gone, where the upstream was so quick that its end was in the group that failed, and is found on the disk.
    let usage = place.cli("usage --user ada").await[0].clone();
    let balance = place.cli("balance ada").await["balance"].clone();
    let came_to = [&usage["requests"], &usage["failed_requests"], &usage["amount"], &balance];
    let interrupted = [&json!(4), &json!(1), &json!("0.075"), &json!("9.925")];
    let found = [&json!(4), &json!(0), &json!("0.1"), &json!("9.9")];
    assert!(came_to == interrupted || came_to == found, "{usage}, {balance} left");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}
