//! Migrations, and what the schema itself refuses.

use tollgate_store::{ErrorClass, Store, StoreConfig};
use tollgate_testkit::TestDatabase;

use crate::support::Books;

#[tokio::test]
async fn migrations_apply_to_an_empty_database_and_again_change_nothing() {
    let database = TestDatabase::empty().await;
    let store = Store::connect(&StoreConfig::new(database.url())).unwrap();
    store.migrate().await.unwrap();
    let count = async |store: &Store| -> i64 {
        store
            .tx("count", async |tx| {
                Ok(tx.query_one("select count(*) from refinery_schema_history", &[]).await?.try_get(0)?)
            })
            .await
            .unwrap()
    };
    let applied = count(&store).await;
    store.migrate().await.unwrap();
    assert!(applied >= 3);
    assert_eq!(count(&store).await, applied);
    store.ping().await.unwrap();
}

#[tokio::test]
async fn processes_that_start_together_migrate_one_after_the_other() {
    let database = TestDatabase::empty().await;
    let stores: Vec<Store> =
        (0..4).map(|_| Store::connect(&StoreConfig::new(database.url())).unwrap()).collect();
    let (a, b, c, d) =
        tokio::join!(stores[0].migrate(), stores[1].migrate(), stores[2].migrate(), stores[3].migrate());
    for result in [a, b, c, d] {
        result.unwrap();
    }
}

#[tokio::test]
async fn append_only_tables_refuse_update_delete_and_truncate() {
    let books = Books::open().await;
    books.user("ada").await;
    books.model().await;
    books.grant("ada", "1", "s-1").await.unwrap();
    books
        .store
        .tx("tariff", async |tx| {
            let list = [crate::support::wanted("1", "1")];
            tollgate_store::tariffs::replace(&tx, "m", &list, &books.clock, "test").await
        })
        .await
        .unwrap();
    for sql in [
        "update credit_movements set amount = 2",
        "delete from credit_movements",
        "truncate credit_movements",
        "update audit_log set actor = 'somebody else'",
        "delete from audit_log",
        "truncate audit_log",
        "update model_tariffs set input_price = 2",
        "update model_tariffs set valid_from = valid_from - interval '1 day'",
        "delete from model_tariffs",
        "truncate model_tariffs cascade",
    ] {
        let error = books.failure(sql).await;
        assert_eq!(error.sqlstate(), Some("TG001"), "{sql}: {error}");
        assert_eq!(error.class(), ErrorClass::Refused);
    }
}

#[tokio::test]
async fn failures_are_classed_by_whose_fault_they_are() {
    let books = Books::open().await;
    let cases = [
        ("select 1 / 0", ErrorClass::Poison),
        ("select 'x'::integer", ErrorClass::Poison),
        ("select 99999999999::integer", ErrorClass::Poison),
        ("insert into users (id, name) select id, name || '2' from users", ErrorClass::Duplicate),
        ("select * from no_such_table", ErrorClass::Retry),
        ("do $$ begin raise exception using errcode = '53300'; end $$", ErrorClass::Retry),
        ("do $$ begin raise exception using errcode = '57P01'; end $$", ErrorClass::Retry),
        ("do $$ begin raise exception using errcode = '08006'; end $$", ErrorClass::Retry),
        ("insert into users (id, name) values (gen_random_uuid(), '')", ErrorClass::Refused),
    ];
    for (sql, class) in cases {
        let error = books.failure(sql).await;
        assert_eq!(error.class(), class, "{sql}: {error}");
    }
    let error = books.store.tx("nul", async |tx| Ok(tx.query("select $1::text", &[&"a\0b"]).await?)).await;
    assert_eq!(error.unwrap_err().class(), ErrorClass::Poison);
    let unencodable = books
        .store
        .tx("unencodable", async |tx| {
            Ok(tx.query("select $1::timestamptz", &[&jiff::Timestamp::MIN]).await?)
        })
        .await
        .unwrap_err();
    assert_eq!(unencodable.class(), ErrorClass::Poison, "{unencodable}");
}

#[tokio::test]
async fn an_error_never_quotes_the_row() {
    let books = Books::open().await;
    books.user("a-very-private-name").await;
    let error =
        books.failure("insert into users (id, name) values (gen_random_uuid(), 'a-very-private-name')").await;
    assert!(error.to_string().contains("duplicate key"), "{error}");
    assert!(!error.to_string().contains("a-very-private-name"), "{error}");
}
