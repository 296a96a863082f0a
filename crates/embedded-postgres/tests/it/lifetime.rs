//! Starts, keeps its data, comes back, ends with its owner.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use tollgate_embedded_postgres::{EmbeddedPostgres, Error, Halt, destroy};

use crate::support::{Owner, connect, is_alive, open_directory, options, postmaster_pid, signal, until};

#[tokio::test]
async fn data_is_there_after_a_stop_and_a_start() {
    let directory = open_directory();
    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    let client = connect(server.connection_string()).await;
    client.batch_execute("create table kept as select 'Grüße' as word").await.unwrap();
    let pid = server.pid().unwrap();
    server.stop().await.unwrap();
    assert!(!is_alive(pid), "stop returned before the server was gone");

    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    let row =
        connect(server.connection_string()).await.query_one("select word from kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "Grüße");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_is_durable_private_utf8_and_takes_settings() {
    let directory = open_directory();
    let mut options = options(directory.path());
    options.durable = true;
    options.settings = vec![("max_connections".into(), "33".into())];
    let server = EmbeddedPostgres::start(options).await.unwrap();
    let client = connect(server.connection_string()).await;
    for (setting, expected) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("max_connections", "33"),
    ] {
        let sql = "select coalesce(current_setting($1, true), (select datcollate from pg_database where datname = 'tollgate'))";
        let row = client.query_one(sql, &[&setting]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), expected, "{setting}");
    }
    let mode = std::fs::metadata(server.socket_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn commits_survive_kill_9_of_the_owner_and_the_server_ends_with_it() {
    let directory = open_directory();
    let mut owner = Owner::start(directory.path());
    let client = connect(&owner.url).await;
    client.batch_execute("create table kept as select 1 as id").await.unwrap();
    let orphan = postmaster_pid(directory.path()).unwrap();
    owner.kill();
    until("the server ends with its owner", || !is_alive(orphan)).await;

    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    connect(server.connection_string()).await.query_one("select id from kept", &[]).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_live_orphan_is_replaced_without_losing_a_commit() {
    let directory = open_directory();
    let mut owner = Owner::start(directory.path());
    let client = connect(&owner.url).await;
    client.batch_execute("create table kept as select 1 as id").await.unwrap();
    let orphan = postmaster_pid(directory.path()).unwrap();
    // The watchdog goes first, as when a whole session is killed.
    let watchdogs = processes_with("tollgate-postgres-watchdog", directory.path());
    assert_eq!(watchdogs.len(), 1);
    signal(watchdogs[0], Signal::KILL);
    owner.kill();
    assert!(is_alive(orphan));

    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    assert!(!is_alive(orphan));
    connect(server.connection_string()).await.query_one("select id from kept", &[]).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_another_living_process_does_not_stop_a_start() {
    let directory = open_directory();
    EmbeddedPostgres::start(options(directory.path())).await.unwrap().stop().await.unwrap();
    // As after a reboot, or in a container: the pid is somebody else now, and of the server's own user.
    let mut bystander = sleeping_as_owner_of(&directory.path().join("cluster"));
    let pid_file = directory.path().join("cluster/postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n/elsewhere\n1\n5432\n\n\n0 0\nready\n", bystander.id())).unwrap();

    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    assert!(bystander.try_wait().unwrap().is_none(), "a process that is not ours was ended");
    server.stop().await.unwrap();
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn a_killed_server_is_started_again_with_the_same_url() {
    let directory = open_directory();
    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    connect(server.connection_string())
        .await
        .batch_execute("create table kept as select 1 as id")
        .await
        .unwrap();
    let first = server.pid().unwrap();
    signal(first, Signal::KILL);
    until("another server is there", || server.pid().is_some_and(|pid| pid != first && is_alive(pid))).await;
    let url = server.connection_string().to_owned();
    let client = loop {
        if let Ok((client, connection)) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await {
            tokio::spawn(connection);
            break client;
        }
        tokio::task::yield_now().await;
    };
    client.query_one("select id from kept", &[]).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_ends() {
    let directory = open_directory();
    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    let pid = server.pid().unwrap();
    drop(server);
    until("the server is gone", || !is_alive(pid)).await;
}

#[tokio::test]
async fn a_detached_server_lives_while_its_heartbeat_does() {
    let directory = open_directory();
    let data_dir = directory.path().join("pg");
    let heartbeat = directory.path().join("heartbeat");
    let file = std::fs::File::create(&heartbeat).unwrap();
    let server = EmbeddedPostgres::start(options(&data_dir)).await.unwrap();
    let (pid, url) = (server.pid().unwrap(), server.connection_string().to_owned());
    server.detach_until_idle(&heartbeat, 10).await.unwrap();
    connect(&url).await.query_one("select 1", &[]).await.unwrap();
    // Its data directory is free again, and the next owner takes over.
    let next = EmbeddedPostgres::start(options(&data_dir)).await.unwrap();
    assert!(!is_alive(pid));
    let pid = next.pid().unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    next.detach_until_idle(&heartbeat, 10).await.unwrap();
    until("the idle server is stopped", || !is_alive(pid)).await;
}

#[tokio::test]
async fn a_half_made_cluster_is_made_again() {
    let directory = open_directory();
    std::fs::create_dir(directory.path().join("cluster.new")).unwrap();
    std::fs::write(directory.path().join("cluster.new/PG_VERSION"), "15\n").unwrap();
    let server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    connect(server.connection_string()).await.query_one("select 1", &[]).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let directory = open_directory();
    let mut options = options(directory.path());
    options.settings = vec![("shared_buffers".into(), "a lot".into())];
    let error = EmbeddedPostgres::start(options).await.unwrap_err();
    assert!(matches!(error, Error::DidNotStart { .. }));
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_refused_by_both_numbers() {
    let directory = open_directory();
    std::fs::create_dir(directory.path().join("cluster")).unwrap();
    std::fs::write(directory.path().join("cluster/PG_VERSION"), "9\n").unwrap();
    let error = EmbeddedPostgres::start(options(directory.path())).await.unwrap_err().to_string();
    assert!(error.contains("made by PostgreSQL 9, but only"), "{error}");
}

#[tokio::test]
async fn destroy_removes_the_server_and_its_data() {
    let directory = open_directory();
    let data_dir = directory.path().join("pg");
    EmbeddedPostgres::start(options(&data_dir)).await.unwrap().stop().await.unwrap();
    destroy(&data_dir).await.unwrap();
    assert!(!data_dir.exists());
    destroy(&data_dir).await.unwrap();
}

/// Processes whose command line has `marker` and a path under `directory`.
fn processes_with(marker: &str, directory: &std::path::Path) -> Vec<i32> {
    let directory = directory.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains(marker) && line.contains(&directory) {
            found.push(pid);
        }
    }
    found
}

fn sleeping_as_owner_of(path: &std::path::Path) -> std::process::Child {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    let owner = std::fs::metadata(path).unwrap();
    let mut command = std::process::Command::new("sleep");
    command.arg("600").current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().unwrap()
}

#[tokio::test]
async fn a_halted_server_is_gone_with_every_process_and_comes_back_with_what_was_committed() {
    let directory = open_directory();
    let mut server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    let client = connect(server.connection_string()).await;
    client.batch_execute("create table kept (word text)").await.unwrap();
    for (how, word) in [(Halt::Immediate, "one"), (Halt::KillMain, "two"), (Halt::Crash, "three")] {
        let client = connect(server.connection_string()).await;
        client.execute("insert into kept values ($1)", &[&word]).await.unwrap();
        let pids = server.pids();
        assert_eq!(pids.first().copied(), server.pid());
        assert!(pids.len() > 4, "the main process, its helpers and our session: {pids:?}");
        server.halt(how).await.unwrap();
        until("every process is gone", || !pids.iter().any(|pid| is_alive(*pid))).await;
        server = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    }
    let client = connect(server.connection_string()).await;
    let count = client.query_one("select count(*) from kept", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 3);
    server.stop().await.unwrap();
}
