//! Limits as they are kept, and what is spent under caps.

use jiff::civil::date;
use tollgate_domain::{Credits, InstanceId, start_of_day};
use tollgate_store::limits::{self, LimitChange, Limits, Of};
use tollgate_store::rollups::{self, RollupDelta, RollupKey};
use tollgate_store::spending::{self, Reach, Spent};
use tollgate_store::utc::UtcMicros;
use tollgate_store::{Tx, api_keys, balances, ledger, models, reports, users};

use crate::support::{ACTOR, Books, credits};

async fn change(books: &Books, of: Of, name: &str, change: LimitChange) -> Limits {
    let change = async |tx: Tx| limits::change(&tx, of, name, &change, ACTOR).await;
    books.store.tx("limit", change).await.unwrap().limits
}

fn daily(cap: &str) -> LimitChange {
    LimitChange { daily_cap: Some(Some(credits(cap))), ..LimitChange::default() }
}

/// A charge of so many pico-credits, as a flush enters it.
async fn charge(books: &Books, day: jiff::civil::Date, [user_no, key_no]: [i32; 2], pico: i64) {
    let hour = UtcMicros::try_from(start_of_day(day)).unwrap();
    let key = RollupKey { hour, user_no, key_no, model_no: 0 };
    let delta = RollupDelta { requests: 1, amount_pico: pico.into(), ..RollupDelta::default() };
    let taken = Credits::from_pico(i128::from(-pico)).unwrap();
    let charge = async |tx: Tx| {
        rollups::apply(&tx, &[(key, delta)]).await?;
        ledger::apply_deltas(&tx, &[(user_no, taken)]).await
    };
    books.store.tx("charge", charge).await.unwrap();
}

const REACH: fn() -> Reach =
    || Reach { recent: start_of_day(date(2026, 3, 1)), all: start_of_day(date(2026, 2, 1)) };

/// `key` or a user's name, the day, and what was spent.
async fn lines(books: &Books, spent: Vec<Spent>) -> Vec<String> {
    let users = books.store.tx("users", async |tx| users::list(&tx).await).await.unwrap();
    let name = |id| users.iter().find(|user| user.id.as_uuid() == id).map(|user| user.name.as_str());
    let line = |Spent { of, id, day, amount }: Spent| {
        format!("{} {day} {}", name(id).unwrap_or(of.as_str()), amount.pico())
    };
    spent.into_iter().map(line).collect()
}

async fn load(books: &Books, since: Option<balances::Cursor>) -> (balances::Cursor, Vec<String>) {
    let changes = spending::load(&books.store, InstanceId::generate(), since, REACH()).await.unwrap();
    assert_eq!(changes.is_full, since.is_none());
    (changes.cursor, lines(books, changes.spent).await)
}

#[tokio::test]
async fn a_change_changes_what_it_names_and_what_has_no_limit_left_is_gone() {
    let books = Books::open().await;
    books.user("ada").await;
    books.model().await;
    let rates = LimitChange {
        requests_per_minute: Some(Some(60)),
        tokens_per_minute: Some(Some(100_000)),
        concurrent_requests: Some(Some(5)),
        ..LimitChange::default()
    };
    change(&books, Of::User, "ada", rates).await;
    let all = change(&books, Of::User, "ada", daily("2.5")).await;
    let expected = Limits {
        requests_per_minute: Some(60),
        tokens_per_minute: Some(100_000),
        concurrent_requests: Some(5),
        daily_cap: Some(credits("2.5")),
        ..Limits::default()
    };
    assert_eq!(all, expected);
    change(&books, Of::Model, "m", rates).await;
    let listed = books.store.tx("list", async |tx| limits::list(&tx).await).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|limited| limited.name.as_str()).collect();
    assert_eq!((names, listed[0].limits), (vec!["ada", "m"], expected));
    assert_eq!(change(&books, Of::User, "ada", LimitChange::TO_NONE).await, Limits::default());
    let listed = books.store.tx("list", async |tx| limits::list(&tx).await).await.unwrap();
    assert_eq!(listed.len(), 1);
    let of_a_model = async |tx: Tx| limits::change(&tx, Of::Model, "m", &daily("1"), ACTOR).await;
    let error = books.store.tx("limit", of_a_model).await.unwrap_err().to_string();
    assert!(error.contains("on a key or a user"), "{error}");
    let negative = async |tx: Tx| limits::change(&tx, Of::User, "ada", &daily("-1"), ACTOR).await;
    books.store.tx("limit", negative).await.unwrap_err();
}

#[tokio::test]
async fn what_is_spent_under_caps_is_followed_by_day_and_nothing_else_is_read() {
    let books = Books::open().await;
    let (ada, bob) = (books.user("ada").await, books.user("bob").await);
    let new = api_keys::NewApiKey { user: "ada".to_owned(), ..api_keys::NewApiKey::default() };
    let create = async |tx: Tx| api_keys::create(&tx, &books.master, &new, ACTOR).await;
    let key = books.store.tx("key", create).await.unwrap().key;
    let key_no = books.text("select no::text from api_keys").await.unwrap().parse().unwrap();
    charge(&books, date(2026, 2, 10), [ada.no, key_no], 100).await;
    charge(&books, date(2026, 3, 1), [ada.no, key_no], 20).await;
    charge(&books, date(2026, 3, 2), [ada.no, 0], 3).await;
    charge(&books, date(2026, 3, 2), [bob.no, 0], 7).await;
    charge(&books, date(2026, 1, 31), [ada.no, key_no], 5000).await;
    assert_eq!(load(&books, None).await.1, Vec::<String>::new(), "nobody has a cap");

    change(&books, Of::User, "ada", daily("1")).await;
    let (cursor, all) = load(&books, None).await;
    assert_eq!(all, ["ada 2026-02-10 100", "ada 2026-03-01 20", "ada 2026-03-02 3"]);
    let (cursor, again) = load(&books, Some(cursor)).await;
    // What came in the transactions before the cursor may come again, and then it is the same; nothing of bob does.
    assert!(again.iter().all(|line| all.contains(line)), "{again:?}");
    charge(&books, date(2026, 3, 2), [bob.no, 0], 1).await;
    charge(&books, date(2026, 3, 2), [ada.no, key_no], 4).await;
    let (cursor, mut recent) = load(&books, Some(cursor)).await;
    // While an older transaction runs anywhere on the server, the cap still counts as new, and all days come again.
    recent.retain(|line| line != "ada 2026-02-10 100");
    assert_eq!(recent, ["ada 2026-03-01 20", "ada 2026-03-02 7"], "whole days, of those that may fill");
    // A cap that is new brings all days, of its key alone and of the user that has one.
    change(&books, Of::Key, &key.id.to_string(), daily("1")).await;
    let (_, with_key) = load(&books, Some(cursor)).await;
    let expected = [
        "key 2026-02-10 100",
        "key 2026-03-01 20",
        "key 2026-03-02 4",
        "ada 2026-02-10 100",
        "ada 2026-03-01 20",
        "ada 2026-03-02 7",
    ];
    assert_eq!(with_key, expected);

    change(&books, Of::User, "bob", daily("1")).await;
    let since = async |only| {
        let since = async |tx: Tx| spending::since(&tx, start_of_day(date(2026, 3, 2)), only).await;
        lines(&books, books.store.tx("since", since).await.unwrap()).await
    };
    assert_eq!(since(Some(bob.id.as_uuid())).await, ["bob 2026-03-02 8"]);
    assert_eq!(since(Some(key.id.as_uuid())).await, ["key 2026-03-02 4"]);
    let mut all = since(None).await;
    all.sort();
    assert_eq!(all, ["ada 2026-03-02 7", "bob 2026-03-02 8", "key 2026-03-02 4"]);
    // A user none of whose caps is its own is read for its keys alone.
    change(&books, Of::User, "ada", LimitChange::TO_NONE).await;
    assert_eq!(since(Some(ada.id.as_uuid())).await, Vec::<String>::new());
    let (_, of_key) = load(&books, None).await;
    assert!(of_key.iter().all(|line| !line.starts_with("ada")) && of_key.len() == 4, "{of_key:?}");
}

#[tokio::test]
async fn limits_of_a_model_that_is_deleted_and_of_a_key_that_is_revoked_are_gone() {
    let books = Books::open().await;
    books.user("ada").await;
    books.model().await;
    let new = api_keys::NewApiKey { user: "ada".to_owned(), ..api_keys::NewApiKey::default() };
    let create = async |tx: Tx| api_keys::create(&tx, &books.master, &new, ACTOR).await;
    let key = books.store.tx("key", create).await.unwrap().key.id.to_string();
    let rates = LimitChange { requests_per_minute: Some(Some(60)), ..LimitChange::default() };
    change(&books, Of::Model, "m", rates).await;
    change(&books, Of::Key, &key, rates).await;
    change(&books, Of::User, "ada", rates).await;
    books.store.tx("delete", async |tx| models::delete(&tx, "m", ACTOR).await).await.unwrap();
    books.store.tx("revoke", async |tx| api_keys::revoke(&tx, &key, ACTOR).await).await.unwrap();
    let listed = books.store.tx("list", async |tx| limits::list(&tx).await).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|limited| limited.name.as_str()).collect();
    assert_eq!(names, ["ada"]);
}

#[tokio::test]
async fn the_line_of_a_low_balance_is_shown_and_its_change_is_logged_with_what_was_before() {
    let books = Books::open().await;
    books.user("ada").await;
    for line in [Some(credits("5")), Some(credits("2.5")), None] {
        let set = async |tx: Tx| users::set_low_balance(&tx, "ada", line, ACTOR).await;
        books.store.tx("low", set).await.unwrap();
        let read =
            async |tx: Tx| Ok((reports::balance(&tx, "ada").await?, reports::all_balances(&tx).await?));
        let (one, all) = books.store.tx("read", read).await.unwrap();
        assert_eq!((one.low_balance, all[0].low_balance), (line, line));
    }
    let logged = books
        .text(
            "select string_agg(concat_ws(' → ', before ->> 'low_balance', after ->> 'low_balance'), ', ' order by at)
             from audit_log where action = 'user.set'",
        )
        .await;
    assert_eq!(logged.as_deref(), Some("5, 5 → 2.5, 2.5"));
}
