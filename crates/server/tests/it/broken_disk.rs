//! A disk that fails beneath a running server: injected by the library that the spool's own tests use.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, chat, chat_begun, get};

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

/// A server above the library, in a process of its own, which has served three requests.
struct Scene {
    place: Place,
    _upstream: ScriptedUpstream,
    key: String,
    fault: PathBuf,
    server: Child,
    address: SocketAddr,
}

impl Scene {
    async fn set() -> Option<Self> {
        let place = Place::with_database().await;
        let library = faults(place.directory.path())?;
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
        Some(Self { place, _upstream: upstream, key, fault, server, address })
    }

    fn fail_every_fsync(&self) {
        std::fs::write(&self.fault, "fsync").unwrap();
    }

    /// The server ends with an error that says why. What its successor has in the books: requests, those of them that failed, the amount, and
    /// the balance.
    async fn end(self) -> [Value; 4] {
        let ended = self.server.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{said}");
        assert!(said.contains("the spool is poisoned") && said.contains("disk I/O error"), "{said}");

        let place = self.place;
        let app = place.serve().await;
        assert_eq!(get(app.address(), "/readyz").await.status, StatusCode::OK);
        // This one comes after all that the spool has.
        let reply = chat(app.address(), &self.key, "prompt=1000 completion=500", false).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        app.stop().await.unwrap();
        assert_eq!(place.cli("audit").await["ok"], json!(true));
        let mut usage = place.cli("usage --user ada").await[0].take();
        let balance = place.cli("balance ada").await["balance"].take();
        [usage["requests"].take(), usage["failed_requests"].take(), usage["amount"].take(), balance]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_fsync_a_server_confirms_nothing_ends_and_its_successor_has_what_was_confirmed_and_no_more()
 {
    let Some(scene) = Scene::set().await else { return };
    scene.fail_every_fsync();
    let reply = chat(scene.address, &scene.key, "prompt=1000 completion=500", false).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.text);
    assert!(reply.text.contains("records_unavailable"), "{}", reply.text);
    // Neither the admission nor the end of the one that was refused was ever confirmed: it is in no books, whatever is on the disk.
    assert_eq!(scene.end().await, [json!(4), json!(0), json!("0.1"), json!("9.9")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_end_was_in_the_group_that_failed_is_an_interrupted_one() {
    let Some(scene) = Scene::set().await else { return };
    // Its first bytes come when its admission is on the disk, its end ten seconds later.
    let script = "prompt=1000 completion=500 frames=10 frame_delay_ms=1000";
    let answer = chat_begun(scene.address, &scene.key, script).await;
    scene.fail_every_fsync();
    assert!(answer.collect().await.is_err(), "it was cut off");
    assert_eq!(scene.end().await, [json!(5), json!(1), json!("0.1"), json!("9.9")]);
}
