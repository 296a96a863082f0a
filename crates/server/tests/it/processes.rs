//! `tollgate serve` as a process: one per data directory, stopped by a signal, killed, and away from its database.

use std::{process::Stdio, sync::Arc};

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};
use tollgate_metering::journal::DurabilitySetting;
use tollgate_server::{App, SystemClock};
use tollgate_testkit::{ScriptedUpstream, TestPostgres};

use crate::harness::{Place, chat, chat_until_cut, eventually, get, get_with_key, published};

/// Starts `tollgate serve` and reads its ready line.
pub(crate) async fn serve(place: &Place) -> (Child, Value) {
    serve_with(place, &[]).await
}

/// As [`serve`], with settings by the names of the environment.
pub(crate) async fn serve_with(place: &Place, settings: &[(&str, &str)]) -> (Child, Value) {
    let mut command = place.command();
    command.envs(settings.iter().copied());
    command.args(["serve", "--listen", "127.0.0.1:0", "--json"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    (child, ready)
}

pub(crate) fn address(ready: &Value) -> std::net::SocketAddr {
    ready["listen"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[tokio::test]
async fn one_server_has_a_data_directory_commands_work_beside_it_and_a_signal_stops_it_with_its_database() {
    let place = Place::with_private_postgres();
    let (mut server, ready) = serve(&place).await;
    let listen_addr = place.data_dir().join("listen.addr");
    assert_eq!(published(&listen_addr).await, ready["listen"].as_str().unwrap());
    assert_eq!(ready["url"], json!(format!("http://{}", ready["listen"].as_str().unwrap())));
    assert_eq!(get(address(&ready), "/healthz").await.status, StatusCode::OK);
    assert_eq!(get(address(&ready), "/readyz").await.status, StatusCode::OK);

    let refused = place.cli_fails("serve --listen 127.0.0.1:0").await;
    assert!(refused.contains("in use") && refused.contains(&server.id().unwrap().to_string()), "{refused}");

    place.cli("user create ada --credits 1").await;
    let key = place.new_key("ada").await;
    eventually("the key is known", async || {
        get_with_key(address(&ready), "/v1/models", &key).await.status == StatusCode::OK
    })
    .await;

    signal(&server, Signal::TERM);
    assert!(server.wait().await.unwrap().success());
    assert!(!listen_addr.exists());
    assert!(!place.data_dir().join("postgres/cluster/postmaster.pid").exists(), "PostgreSQL is stopped");
    assert_eq!(place.cli("balance ada").await["balance"], json!("1"), "and what was entered is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_finds_the_database_of_a_running_server_by_the_data_directory_alone() {
    let place = Place::with_database().await;
    let app = place.serve().await;
    let output =
        place.command_by_data_dir_alone().args(["user", "create", "ada", "--json"]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!place.data_dir().join("postgres").exists(), "no database of its own was made");
    app.stop().await.unwrap();
    assert_eq!(place.cli("balance ada").await["balance"], json!("0"));
}

#[tokio::test]
async fn a_killed_server_is_followed_by_the_next_one_on_the_same_books() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_private_postgres();
    let (mut first, ready) = serve(&place).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    let is_served = async |ready: &Value| {
        chat(address(ready), &key, "prompt=1000 completion=500", false).await.status == StatusCode::OK
    };
    eventually("a request is served", async || is_served(&ready).await).await;
    eventually("and in the books", async || place.cli("balance ada").await["balance"] == json!("0.975"))
        .await;
    signal(&first, Signal::KILL);
    first.wait().await.unwrap();

    let (mut second, ready) = serve(&place).await;
    assert!(is_served(&ready).await);
    eventually("the second is in the books", async || {
        place.cli("balance ada").await["balance"] == json!("0.95")
    })
    .await;
    signal(&second, Signal::INT);
    assert!(second.wait().await.unwrap().success());
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test]
async fn a_signal_lets_streams_end_and_their_charges_be_entered() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let (mut server, ready) = serve(&place).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    let address = address(&ready);
    eventually("the model is known", async || {
        get_with_key(address, "/v1/models", &key).await.text.contains("gpt-test")
    })
    .await;
    let streaming = tokio::spawn(async move {
        chat(address, &key, "prompt=1000 completion=500 frames=8 frame_delay_ms=100", true).await
    });
    upstream.wait_for(|books| books.iter().any(|entry| entry.bytes_sent > 0)).await;
    signal(&server, Signal::TERM);

    let reply = streaming.await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.text.contains("[DONE]"), "the stream came to its end: {}", reply.text);
    assert!(server.wait().await.unwrap().success());
    assert_eq!(place.cli("balance ada").await["balance"], json!("0.975"));
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test]
async fn a_second_signal_cuts_streams_off_and_they_are_in_the_books() {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    let (mut server, ready) = serve(&place).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    let address = address(&ready);
    eventually("the model is known", async || {
        get_with_key(address, "/v1/models", &key).await.text.contains("gpt-test")
    })
    .await;
    // Longer than any test waits: it ends because it is cut off.
    let streaming = tokio::spawn(async move {
        chat_until_cut(address, &key, "prompt=1000 completion=500 frames=1000 frame_delay_ms=100").await
    });
    upstream.wait_for(|books| books.iter().any(|entry| entry.bytes_sent > 0)).await;
    signal(&server, Signal::TERM);
    eventually("it accepts nothing new", async || tokio::net::TcpStream::connect(address).await.is_err())
        .await;
    assert!(server.try_wait().unwrap().is_none(), "the stream may go on");
    let started = std::time::Instant::now();
    signal(&server, Signal::INT);
    assert!(server.wait().await.unwrap().success(), "nothing was lost");
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(streaming.await.unwrap(), "the client sees that it was cut off");
    assert_eq!(place.cli("usage --user ada").await[0]["requests"], json!(1));
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_what_to_do() {
    let place = Place::with_database().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = place.cli_fails(&format!("serve --listen {}", taken.local_addr().unwrap())).await;
    assert!(error.contains("cannot listen on") && error.contains("--listen"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_server_goes_on_and_the_next_one_enters_what_it_could_not() {
    let upstream = ScriptedUpstream::start().await;
    let mut postgres = TestPostgres::private().await;
    let place = Place::on(&postgres.url());
    let start = async |shutdown_timeout_ms| {
        let mut config = place.config();
        config.analytics.shutdown_timeout_ms = shutdown_timeout_ms;
        App::start(config, Arc::new(SystemClock)).await.unwrap()
    };
    let app = start(30_000).await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    eventually("a request is served", async || {
        chat(app.address(), &key, "prompt=1000 completion=500", false).await.status == StatusCode::OK
    })
    .await;
    postgres.stop().await;
    for _ in 0..3 {
        let reply = chat(app.address(), &key, "prompt=1000 completion=500", false).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }
    assert_eq!(get(app.address(), "/readyz").await.status, StatusCode::OK, "there is room for more");
    postgres.start_again().await;
    eventually("what was kept is entered", async || {
        place.cli("balance ada").await["balance"] == json!("0.9")
    })
    .await;
    app.stop().await.unwrap();

    let app = start(300).await;
    eventually("a request is served", async || {
        chat(app.address(), &key, "prompt=1000 completion=500", false).await.status == StatusCode::OK
    })
    .await;
    eventually("and entered", async || place.cli("balance ada").await["balance"] == json!("0.875")).await;
    postgres.stop().await;
    for _ in 0..2 {
        assert_eq!(chat(app.address(), &key, "prompt=1 completion=1", false).await.status, StatusCode::OK);
    }
    app.stop().await.unwrap();
    // Two requests: each ended, and admitted, unless it was over before its admission had been written.
    let waiting = place.cli("spool status").await["waiting_records"].as_u64().unwrap();
    assert!((2..=4).contains(&waiting), "{waiting}");
    postgres.start_again().await;
    let app = start(30_000).await;
    eventually("it is entered after all", async || {
        place.cli("usage --user ada").await[0]["requests"] == json!(7)
    })
    .await;
    app.stop().await.unwrap();
    assert_eq!(place.cli("spool status").await["waiting_records"], json!(0));
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_no_room_left_refuses_and_enters_all_it_took_when_its_database_is_back() {
    let upstream = ScriptedUpstream::start().await;
    let mut postgres = TestPostgres::private().await;
    let place = Place::on(&postgres.url());
    let mut config = place.config();
    config.spool.size_limit_bytes = tollgate_spool::MIN_SIZE_LIMIT_BYTES;
    config.spool.durability = DurabilitySetting::Os;
    // The room is to be used up first, on a busy machine too.
    config.leases.lifetime_s = 600;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let key = place.set_up("ada", "1000", &upstream.base_url()).await;
    eventually("a first request is served, and there is a lease", async || {
        chat(app.address(), &key, "prompt=1000 completion=0", false).await.status == StatusCode::OK
    })
    .await;
    postgres.stop().await;
    let mut taken = 1;
    eventually("the room is used up", async || {
        let reply = chat(app.address(), &key, "prompt=1000 completion=0", false).await;
        match reply.status {
            StatusCode::OK => taken += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(reply.text.contains("overloaded") && reply.headers.contains_key("retry-after"));
            }
            other => panic!("{other}: {}", reply.text),
        }
        reply.status == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    assert!(taken > 50, "{taken} were taken");
    eventually("it is not ready", async || {
        get(app.address(), "/readyz").await.status == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    assert_eq!(get(app.address(), "/healthz").await.status, StatusCode::OK, "but alive");

    postgres.start_again().await;
    eventually("it is ready again", async || get(app.address(), "/readyz").await.status == StatusCode::OK)
        .await;
    app.stop().await.unwrap();
    let usage = place.cli("usage --user ada").await;
    assert_eq!(usage[0]["requests"], json!(taken), "as many as were answered: {usage}");
    assert_eq!(upstream.books().len(), taken, "and none reached the upstream that was refused");
    assert_eq!(place.cli("audit").await["ok"], json!(true));
}
