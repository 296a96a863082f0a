use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test]
async fn one_server_at_a_time_has_a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::prepare(&directory.path().join("a/b")).unwrap();
    assert!(!data_dir.is_served());
    let lock = data_dir.lock_for_serving().await.unwrap();
    assert!(data_dir.is_served());
    let refused = data_dir.lock_for_serving().await.unwrap_err().to_string();
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
    assert!(refused.contains("--data-dir"), "{refused}");
    drop(lock);
    data_dir.lock_for_serving().await.unwrap();
}

#[tokio::test]
async fn what_a_server_publishes_is_valid_only_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::prepare(directory.path()).unwrap();
    let url_file = directory.path().join("database.url");
    fs::write(&url_file, "postgresql://left/behind").unwrap();
    assert!(data_dir.database_of_running().is_none(), "nobody runs");

    let lock = data_dir.lock_for_serving().await.unwrap();
    assert!(data_dir.database_of_running().is_none(), "the file of an earlier server is gone");
    lock.publish_database(&SecretString::from("postgresql://u:p@now")).unwrap();
    lock.publish_address("127.0.0.1:5".parse().unwrap()).unwrap();
    assert_eq!(data_dir.database_of_running().unwrap().expose_secret(), "postgresql://u:p@now");
    assert_eq!(fs::read_to_string(directory.path().join("listen.addr")).unwrap(), "127.0.0.1:5\n");
    assert_eq!(fs::metadata(&url_file).unwrap().permissions().mode() & 0o777, 0o600);

    drop(lock);
    assert!(!url_file.exists());
}
