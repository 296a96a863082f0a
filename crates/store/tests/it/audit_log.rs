//! The audit log is a chain, and whatever is done to it past its triggers is found.

use futures_util::future::join_all;
use serde_json::json;
use tollgate_store::audit::{Chain, chain};
use tollgate_store::audit_log::{self, ChainHead};
use tollgate_store::{ErrorClass, Store, StoreConfig};
use tollgate_testkit::TestDatabase;

use crate::support::Books;

/// How many write at the same time.
const WRITERS: usize = 32;

/// A log of `count` entries, in transactions of their own.
async fn log_of(count: usize) -> Books {
    let books = Books::open().await;
    for place in 1..=count {
        write(&books.store, &format!("subject {place}")).await;
    }
    books
}

async fn write(store: &Store, subject: &str) {
    let (before, after) = (json!({ "price": "0.1" }), json!({ "price": "0.2", "naïve": [1.50, null] }));
    let work = async |tx| {
        audit_log::write(&tx, "test", "thing.set", subject, Some(before.clone()), Some(after.clone())).await
    };
    store.tx("write", work).await.unwrap();
}

async fn check(store: &Store, noted: Option<ChainHead>) -> Chain {
    store.tx_repeatable_read("chain", async |tx| chain(&tx, noted).await).await.unwrap()
}

async fn head(store: &Store) -> ChainHead {
    store.tx("head", async |tx| audit_log::head(&tx).await).await.unwrap()
}

/// As somebody does who has every right: without triggers.
async fn tamper(books: &Books, sql: &str) {
    let sql = format!("set local session_replication_role = replica; {sql}");
    books.store.tx("tamper", async |tx| Ok(tx.batch_execute(&sql).await?)).await.unwrap();
}

/// What an audit says first after `sql`, of a log of five.
async fn first_break(sql: &str) -> String {
    let books = log_of(5).await;
    tamper(&books, sql).await;
    let found = check(&books.store, None).await.first_break;
    assert!(found.is_some(), "{sql} went unnoticed");
    found.unwrap()
}

/// The entry with this number.
fn entry(no: i64) -> String {
    format!("id = (select entry_id from audit_log_chain where no = {no})")
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_one_chain_up_to_its_head() {
    let books = log_of(5).await;
    let chain = check(&books.store, None).await;
    assert_eq!((chain.entries, chain.breaks, chain.first_break), (5, 0, None));
    assert_eq!((chain.head, chain.head.no), (head(&books.store).await, 5));
    // What was noted at any time is still there, however much has come since.
    let noted: ChainHead = chain.head.to_string().parse().unwrap();
    write(&books.store, "one more").await;
    let later = check(&books.store, Some(noted)).await;
    assert_eq!((later.entries, later.first_break), (6, None));
    assert_eq!(check(&Books::open().await.store, Some(ChainHead::default())).await.first_break, None);
}

#[tokio::test]
async fn a_changed_field_is_found_at_its_entry_whichever_field_it_is() {
    let changes = [
        "at = at + interval '1 microsecond'",
        "actor = 'somebody else'",
        "action = 'thing.get'",
        "subject = subject || ' '",
        "before = null",
        "after = jsonb_set(after, '{price}', '\"0.3\"')",
        "after = 'null'",
        "(actor, action) = ('testt', 'hing.set')",
    ];
    for change in changes {
        let said = first_break(&format!("update audit_log set {change} where {}", entry(3))).await;
        assert!(said.starts_with("entry 3 "), "{change}: {said}");
    }
    let id = "00000000-0000-0000-0000-00000000000a";
    let sql = format!(
        "update audit_log set id = '{id}' where {}; update audit_log_chain set entry_id = '{id}' where no = 3",
        entry(3)
    );
    assert!(first_break(&sql).await.starts_with("entry 3 "), "an id of another's");
}

#[tokio::test]
async fn an_entry_that_is_gone_from_the_middle_is_found_with_and_without_its_link() {
    let entry_3 = entry(3);
    let said = first_break(&format!("delete from audit_log where {entry_3}")).await;
    assert!(said.starts_with("entry 3 is missing"), "{said}");
    let said = first_break(&format!(
        "delete from audit_log where {entry_3}; delete from audit_log_chain where no = 3"
    ))
    .await;
    assert_eq!(said, "entry 3 is missing: behind 2 comes 4");
    // And where the others move up, the one behind it does not fit.
    let said = first_break(&format!(
        "delete from audit_log where {entry_3}; delete from audit_log_chain where no = 3;
         update audit_log_chain set no = no - 1 where no > 3; update audit_log_head set no = 4"
    ))
    .await;
    assert!(said.starts_with("entry 3 (thing.set subject 4, "), "{said}");
}

#[tokio::test]
async fn entries_that_changed_places_are_found() {
    // The chain's numbers, then the contents below the ids.
    let said = first_break(
        "update audit_log_chain set no = 99 where no = 2; update audit_log_chain set no = 2 where no = 3;
         update audit_log_chain set no = 3 where no = 99",
    )
    .await;
    assert!(said.starts_with("entry 2 (thing.set subject 3, "), "{said}");
    let said = first_break(
        "update audit_log a set subject = case a.subject when 'subject 2' then 'subject 3' else 'subject 2' end
         where a.subject in ('subject 2', 'subject 3')",
    )
    .await;
    assert!(said.starts_with("entry 2 (thing.set subject 3, "), "{said}");
}

#[tokio::test]
async fn an_entry_that_was_slipped_in_is_found() {
    let said = first_break(
        "insert into audit_log (id, actor, action, subject) values (gen_random_uuid(), 'x', 'x', 'x')",
    )
    .await;
    assert!(said.ends_with("is in the log and not in its chain"), "{said}");
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_by_the_head_and_with_the_head_by_one_that_was_noted() {
    let cut = "delete from audit_log where id in (select entry_id from audit_log_chain where no > 3);
               delete from audit_log_chain where no > 3;";
    assert_eq!(first_break(cut).await, "the log ends with entry 3, and its head says 5");

    let books = log_of(5).await;
    let noted = head(&books.store).await;
    let moved_back = format!(
        "{cut} update audit_log_head set (no, digest) = (select no, digest from audit_log_chain where no = 3)"
    );
    tamper(&books, &moved_back).await;
    // A chain alone cannot show it.
    assert_eq!(check(&books.store, None).await.first_break, None);
    let said = check(&books.store, Some(noted)).await.first_break.unwrap();
    assert_eq!(said, "the end is missing: entry 5 was noted, and the log ends with 3");
    // Nor is it made good by writing others in its place.
    for _ in 0..3 {
        write(&books.store, "another").await;
    }
    let said = check(&books.store, Some(noted)).await.first_break.unwrap();
    assert_eq!(said, "entry 5 is not the one that was noted: the log was written anew");
}

#[tokio::test]
async fn many_writers_at_the_same_time_keep_one_chain() {
    let books = Books::open_with(|config| StoreConfig { max_connections: WRITERS, ..config }).await;
    let writers = (0..WRITERS).map(|writer| {
        let store = books.store.clone();
        async move {
            for round in 0..8 {
                // Two entries in a transaction, and now and then one that comes to nothing.
                let subject = format!("{writer}.{round}");
                let work = async |tx| {
                    audit_log::write(&tx, "test", "first", &subject, None, None).await?;
                    audit_log::write(&tx, "test", "second", &subject, None, None).await?;
                    if round % 4 == 3 {
                        tx.batch_execute("select 1 / 0").await?;
                    }
                    Ok(())
                };
                assert_eq!(store.tx("write", work).await.is_err(), round % 4 == 3);
            }
        }
    });
    join_all(writers).await;
    let chain = check(&books.store, None).await;
    assert_eq!((chain.first_break, chain.entries), (None, WRITERS as u64 * 6 * 2));
    // What one transaction entered stands together.
    let apart = "select count(*)::text from audit_log_chain c join audit_log a on a.id = c.entry_id
                 join audit_log_chain d on d.no = c.no + 1 join audit_log b on b.id = d.entry_id
                 where a.action = 'first' and (b.action <> 'second' or b.subject <> a.subject)";
    assert_eq!(books.text(apart).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn an_audit_entry_that_waits_for_its_commit_keeps_nobody_from_entering_others() {
    let books = log_of(1).await;
    let first = async |tx| {
        audit_log::write(&tx, "test", "thing.set", "first", None, None).await?;
        // A whole transaction of another's, begun and committed meanwhile, which also holds what this one then wants.
        let other = async |tx| {
            users_row(&tx).await?;
            audit_log::write(&tx, "test", "thing.set", "second", None, None).await
        };
        books.store.tx("other", other).await?;
        users_row(&tx).await
    };
    books.store.tx("first", first).await.unwrap();
    let order =
        "select string_agg(subject, ', ' order by no) from audit_log join audit_log_chain on entry_id = id";
    assert_eq!(
        books.text(order).await.as_deref(),
        Some("subject 1, second, first"),
        "the order is the one of commits"
    );
    assert_eq!(check(&books.store, None).await.first_break, None);
}

async fn users_row(tx: &tollgate_store::Tx) -> Result<(), tollgate_store::StoreError> {
    tx.execute("update users set name = name", &[]).await?;
    Ok(())
}

#[tokio::test]
async fn no_setting_of_a_session_changes_a_digest() {
    let books = log_of(1).await;
    let work = async |tx: tollgate_store::Tx| {
        tx.batch_execute(
            "set local timezone = 'Asia/Kathmandu'; set local datestyle = 'SQL, DMY'; set local intervalstyle = 'iso_8601';
             set local bytea_output = 'escape'; set local extra_float_digits = 0; set local search_path = public, pg_catalog",
        )
        .await?;
        audit_log::write(&tx, "test", "thing.set", "far away", None, Some(json!({ "x": 0.1 }))).await
    };
    books.store.tx("elsewhere", work).await.unwrap();
    let chain = check(&books.store, None).await;
    assert_eq!((chain.entries, chain.first_break), (2, None));
}

#[tokio::test]
async fn the_chain_and_its_head_refuse_to_be_changed() {
    let books = log_of(2).await;
    for sql in [
        "update audit_log_chain set no = 7 where no = 1",
        "delete from audit_log_chain",
        "truncate audit_log_chain",
        "update audit_log_head set no = 1",
        "update audit_log_head set digest = sha256('x')",
        "delete from audit_log_head",
        "truncate audit_log_head",
    ] {
        let error = books.failure(sql).await;
        assert_eq!((error.sqlstate(), error.class()), (Some("TG001"), ErrorClass::Refused), "{sql}: {error}");
    }
}

#[tokio::test]
async fn what_was_in_the_log_before_it_was_a_chain_is_chained_by_the_migration() {
    let database = TestDatabase::empty().await;
    let store = Store::connect(&StoreConfig::new(database.url())).unwrap();
    store.migrate().await.unwrap();
    let migration = include_str!("../../migrations/V17__audit_log_chain.sql");
    // As it was before.
    let before = "drop trigger chained on audit_log; drop function chain_audit_entry; drop function audit_log_digest;
                  drop table audit_log_chain, audit_log_head; drop function guard_audit_log_head;
                  insert into audit_log (id, actor, action, subject, after)
                  select gen_random_uuid(), 'test', 'thing.set', n::text, jsonb_build_object('n', n) from generate_series(1, 3000) n";
    store.tx("before", async |tx| Ok(tx.batch_execute(before).await?)).await.unwrap();
    store.tx("migrate", async |tx| Ok(tx.batch_execute(migration).await?)).await.unwrap();
    write(&store, "the first since").await;
    let chain = check(&store, None).await;
    assert_eq!((chain.first_break, chain.entries), (None, 3001));
    let order = "select count(*) from audit_log a join audit_log_chain on entry_id = a.id where no <= 3000 and subject::bigint <> no";
    let out_of_order: i64 =
        store.tx("order", async |tx| Ok(tx.query_one(order, &[]).await?.try_get(0)?)).await.unwrap();
    assert_eq!(out_of_order, 0);
}

#[test]
fn a_text_that_is_no_head_is_refused() {
    let digest = "ab".repeat(32);
    assert!(format!("7:{digest}").parse::<ChainHead>().is_ok());
    for text in [
        "",
        "7",
        "7:",
        &digest,
        &format!("-1:{digest}"),
        &format!("7:{digest}00"),
        &format!("7:{}", "zz".repeat(32)),
    ] {
        assert!(text.parse::<ChainHead>().is_err(), "{text}");
    }
}
