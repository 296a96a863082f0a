//! A database per test: fresh, with the schema, gone afterwards, on a server that all processes share.

use tokio_postgres::{Client, NoTls};
use tollgate_testkit::{TestDatabase, TestPostgres};

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn two_databases_share_a_schema_and_nothing_else() {
    let (one, other) = tokio::join!(TestDatabase::create(), TestDatabase::create());
    let (first, second) = (connect(one.url()).await, connect(other.url()).await);
    first.batch_execute("insert into users (id, name) values (gen_random_uuid(), 'alice')").await.unwrap();
    let count = |client: Client| async move {
        client
            .query_one("select count(*) from users where name = 'alice'", &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    };
    assert_eq!((count(first).await, count(second).await), (1, 0));
}

#[tokio::test]
async fn a_dropped_database_is_gone_from_the_server() {
    let database = TestDatabase::empty().await;
    let name = database.name().to_owned();
    let admin = connect(TestPostgres::shared().await.url()).await;
    let exists = async || {
        let row =
            admin.query_one("select count(*) from pg_database where datname = $1", &[&name]).await.unwrap();
        row.get::<_, i64>(0) == 1
    };
    assert!(exists().await);
    // One connection is open still: dropping is by force.
    let _open = connect(database.url()).await;
    drop(database);
    assert!(!exists().await);
}

#[tokio::test]
async fn databases_of_dead_processes_are_dropped_by_the_next_test() {
    let admin = connect(TestPostgres::shared().await.url()).await;
    let mut process = std::process::Command::new("true").spawn().unwrap();
    process.wait().unwrap();
    let name = format!("test_{}_left", process.id());
    admin.batch_execute(&format!("create database {name}")).await.unwrap();
    drop(TestDatabase::empty().await);
    let sql = "select count(*) from pg_database where datname = $1";
    assert_eq!(admin.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn racing_tests_apply_the_migrations_once() {
    let key = format!("race {}", uuid::Uuid::new_v4());
    let applied = std::sync::atomic::AtomicUsize::new(0);
    let create = || {
        TestDatabase::create_with(&key, async |url| {
            applied.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            connect(&url).await.batch_execute("create table marker (id int)").await.unwrap();
        })
    };
    let databases = tokio::join!(create(), create(), create(), create());
    assert_eq!(applied.load(std::sync::atomic::Ordering::SeqCst), 1);
    for database in [databases.0, databases.1, databases.2, databases.3] {
        connect(database.url()).await.query("select * from marker", &[]).await.unwrap();
    }
}

#[tokio::test]
async fn a_private_server_keeps_its_data_over_a_stop() {
    let mut server = TestPostgres::private().await;
    connect(&server.url()).await.batch_execute("create table kept as select 42 as answer").await.unwrap();
    server.stop().await;
    server.start_again().await;
    let row = connect(&server.url()).await.query_one("select answer from kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
    server.stop().await;
}
