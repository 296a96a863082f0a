use std::time::Duration;

use secrecy::SecretString;
use tollgate_testkit::TestDatabase;

use super::*;
use crate::SystemClock;

/// Ending must not wait for anything that could stream on.
const AT_ONCE: Duration = Duration::from_secs(10);

async fn serving(database: &TestDatabase, data_dir: &tempfile::TempDir) -> RunningApp {
    let mut config = Config {
        listen: "127.0.0.1:0".to_owned(),
        data_dir: data_dir.path().to_owned(),
        ..Config::default()
    };
    config.database.url = Some(SecretString::from(database.url()));
    App::start(config, Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_ends_the_server_with_an_error_that_names_it() {
    let (database, data_dir) = (TestDatabase::empty().await, tempfile::tempdir().unwrap());
    let mut app = serving(&database, &data_dir).await;
    app.tasks.spawn("saboteur", async { panic!("on purpose") });
    let ended =
        tokio::time::timeout(AT_ONCE, app.run_until(async || std::future::pending().await)).await.unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "the saboteur panicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_ends_unasked_ends_the_server_even_without_an_error() {
    let (database, data_dir) = (TestDatabase::empty().await, tempfile::tempdir().unwrap());
    let app = serving(&database, &data_dir).await;
    // The batcher, told to end while the gateway goes on.
    app.stop_batcher.cancel();
    let ended =
        tokio::time::timeout(AT_ONCE, app.run_until(async || std::future::pending().await)).await.unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "the batcher ended unasked");
}
