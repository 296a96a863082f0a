//! One owner at a time; any place; root too.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use tollgate_embedded_postgres::{EmbeddedPostgres, Error, connection_string_of_running, destroy};

use crate::support::{Owner, connect, open_directory, options};

#[tokio::test]
async fn a_second_owner_is_refused_and_told_who_has_it() {
    let directory = open_directory();
    let owner = Owner::start(directory.path());
    let error = EmbeddedPostgres::start(options(directory.path())).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }));
    let said = error.to_string();
    assert!(said.contains(&format!("in use by process {}", owner.process.id())), "{said}");
    assert!(said.contains(&directory.path().display().to_string()), "{said}");
    // The refused attempt did the running server no harm.
    connect(&owner.url).await.query_one("select 1", &[]).await.unwrap();
}

#[tokio::test]
async fn a_patient_second_owner_gets_it_when_the_first_is_done() {
    let directory = open_directory();
    let first = EmbeddedPostgres::start(options(directory.path())).await.unwrap();
    let mut patient = options(directory.path());
    patient.lock_patience = Duration::from_secs(30);
    let second = tokio::spawn(EmbeddedPostgres::start(patient));
    first.stop().await.unwrap();
    second.await.unwrap().unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_command_beside_a_running_server_finds_its_url() {
    let directory = open_directory();
    assert_eq!(connection_string_of_running(directory.path()), None);
    let mut owner = Owner::start(directory.path());
    let url = connection_string_of_running(directory.path());
    assert_eq!(url.as_ref(), Some(&owner.url));
    connect(&url.unwrap()).await.query_one("select 1", &[]).await.unwrap();
    owner.kill();
    assert_eq!(connection_string_of_running(directory.path()), None);
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_works() {
    let directory = open_directory();
    let data_dir = directory.path().join("a-rather-long-name".repeat(8)).join("ünd spaces & %");
    let server = EmbeddedPostgres::start(options(&data_dir)).await.unwrap();
    assert!(server.socket_dir().starts_with("/tmp"), "{}", server.socket_dir().display());
    connect(server.connection_string()).await.query_one("select 1", &[]).await.unwrap();
    assert_eq!(connection_string_of_running(&data_dir).as_deref(), Some(server.connection_string()));
    let socket_dir = server.socket_dir().to_owned();
    server.stop().await.unwrap();
    assert!(!socket_dir.exists(), "a directory was left in /tmp");
}

#[tokio::test]
async fn a_path_with_spaces_works() {
    let directory = open_directory();
    let server =
        EmbeddedPostgres::start(options(&directory.path().join("my data & 100% more"))).await.unwrap();
    connect(server.connection_string()).await.query_one("select 1", &[]).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn root_gets_a_server_in_a_directory_that_is_closed_to_others() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this needs root");
        return;
    }
    let closed = open_directory();
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let data_dir = closed.path().join("pg");
    let server = EmbeddedPostgres::start(options(&data_dir)).await.unwrap();
    connect(server.connection_string())
        .await
        .batch_execute("create table kept as select 1 as id")
        .await
        .unwrap();
    let elsewhere = std::fs::canonicalize(data_dir.join("cluster")).unwrap();
    assert!(!elsewhere.starts_with(closed.path()), "{}", elsewhere.display());
    assert_eq!(connection_string_of_running(&data_dir).as_deref(), Some(server.connection_string()));
    server.stop().await.unwrap();
    // The closed directory was not opened.
    assert_eq!(std::fs::metadata(closed.path()).unwrap().permissions().mode() & 0o777, 0o700);

    let server = EmbeddedPostgres::start(options(&data_dir)).await.unwrap();
    connect(server.connection_string()).await.query_one("select id from kept", &[]).await.unwrap();
    server.stop().await.unwrap();
    destroy(&data_dir).await.unwrap();
    assert!(!elsewhere.exists());
    assert!(!elsewhere.parent().unwrap().exists(), "a directory was left in /var/lib");
}

#[tokio::test]
async fn a_link_to_a_lost_cluster_is_an_error_not_an_empty_start() {
    let directory = open_directory();
    std::os::unix::fs::symlink("/nonexistent/cluster", directory.path().join("cluster")).unwrap();
    let error = EmbeddedPostgres::start(options(directory.path())).await.unwrap_err().to_string();
    assert!(error.contains("restore it, or remove the link"), "{error}");
}
