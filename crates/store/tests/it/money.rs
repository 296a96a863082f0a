//! Movements and balances.

use tollgate_domain::{Credits, UserId};
use tollgate_store::balances::{self, Cursor};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::{ErrorClass, StoreError, ledger, snapshot};

use crate::support::{ACTOR, Books, credits};

#[tokio::test]
async fn every_type_of_movement_goes_its_way_and_the_balance_is_their_sum() {
    let books = Books::open().await;
    books.user("ada").await;
    for (kind, amount, balance) in [
        (MovementKind::Purchase, "10", "10"),
        (MovementKind::AdminGrant, "0.000000000001", "10.000000000001"),
        (MovementKind::AdminRemoval, "3", "7.000000000001"),
        (MovementKind::Adjustment, "1", "8.000000000001"),
        (MovementKind::Refund, "2", "10.000000000001"),
        (MovementKind::Expiry, "20", "-9.999999999999"),
    ] {
        let applied = books.movement("ada", kind, amount, kind.as_str()).await.unwrap();
        assert_eq!(applied.balance, credits(balance), "{kind:?}");
    }
    let sum = books.text("select sum(amount * movement_sign(type))::text from credit_movements").await;
    assert_eq!(sum, books.text("select balance::text from user_balances where balance <> 0").await);
}

#[tokio::test]
async fn an_adjustment_without_a_reason_is_refused() {
    let books = Books::open().await;
    books.user("ada").await;
    let new = |description: &str| NewMovement {
        user: "ada".to_owned(),
        kind: MovementKind::Adjustment,
        amount: credits("1"),
        source_id: "s".to_owned(),
        description: description.to_owned(),
    };
    for nothing in ["", "  "] {
        let apply = async |tx| movements::apply(&tx, &new(nothing), ACTOR).await;
        let error = books.store.tx("adjust", apply).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert!(error.to_string().contains("needs a reason"), "{error}");
    }
    let apply = async |tx| movements::apply(&tx, &new("the outage of Monday"), ACTOR).await;
    assert_eq!(books.store.tx("adjust", apply).await.unwrap().balance, credits("1"));
}

#[tokio::test]
async fn the_same_source_again_changes_nothing_and_says_so() {
    let books = Books::open().await;
    books.user("ada").await;
    let first = books.grant("ada", "10", "invoice-7").await.unwrap();
    let again = books.grant("ada", "10.0", "invoice-7").await.unwrap();
    assert!(!first.already && again.already);
    assert_eq!(again.movement, first.movement);
    assert_eq!(again.balance, credits("10"));
}

#[tokio::test]
async fn the_same_source_with_other_content_is_refused_and_says_what_differs() {
    let books = Books::open().await;
    books.user("ada").await;
    books.user("bob").await;
    books.grant("ada", "10", "invoice-7").await.unwrap();
    for (user, kind, amount, differs) in [
        ("ada", MovementKind::AdminGrant, "11", "another amount"),
        ("bob", MovementKind::AdminGrant, "10", "another user"),
        ("ada", MovementKind::Purchase, "10", "another type"),
    ] {
        let error = books.movement(user, kind, amount, "invoice-7").await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert!(error.to_string().contains(differs), "{error}");
    }
}

#[tokio::test]
async fn one_source_entered_by_many_at_once_counts_once() {
    let books = Books::open().await;
    books.user("ada").await;
    let (a, b, c) = tokio::join!(
        books.grant("ada", "10", "invoice-7"),
        books.grant("ada", "10", "invoice-7"),
        books.grant("ada", "10", "invoice-7")
    );
    let entered = [a, b, c].into_iter().filter(|applied| !applied.as_ref().unwrap().already).count();
    assert_eq!(entered, 1);
    assert_eq!(books.grant("ada", "10", "invoice-7").await.unwrap().balance, credits("10"));
}

#[tokio::test]
async fn an_amount_that_is_not_positive_or_past_the_range_is_refused_clearly() {
    let books = Books::open().await;
    books.user("ada").await;
    for amount in ["0", "-1"] {
        let error = books.grant("ada", amount, "s").await.unwrap_err();
        assert!(error.to_string().contains("above zero"), "{error}");
    }
    books.grant("ada", "9999999999999999.999999999999", "all").await.unwrap();
    let error = books.grant("ada", "0.000000000001", "more").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(error.to_string().contains("would leave the range"), "{error}");
    // Nothing of it was entered.
    assert_eq!(books.text("select count(*)::text from credit_movements").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn unknown_users_the_system_user_and_nul_are_refused_clearly() {
    let books = Books::open().await;
    books.user("ada").await;
    for (user, source, text) in [
        ("eve", "s", "user \"eve\" does not exist; create it"),
        ("system", "s", "the system user has no ledger"),
        ("ada", "a\0b", "the source id contains the control character"),
        ("ada", "", "the source id is empty"),
        ("a\0da", "s", "the user's name contains the control character"),
    ] {
        let error = books.grant(user, "1", source).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn deltas_of_one_user_add_up_and_changes_come_in_order() {
    let books = Books::open().await;
    let (ada, bob) = (books.user("ada").await, books.user("bob").await);
    books.grant("ada", "1", "s").await.unwrap();
    let deltas = [(bob.no, credits("-2")), (ada.no, credits("-0.25")), (ada.no, credits("-0.75"))];
    let changes =
        books.store.tx("deltas", async |tx| ledger::apply_deltas(&tx, &deltas).await).await.unwrap();
    let seen: Vec<_> =
        changes.iter().map(|change| (change.user_id, change.after, change.depleted())).collect();
    assert_eq!(seen, [(ada.id, credits("0"), true), (bob.id, credits("-2"), false)]);
}

#[tokio::test]
async fn a_delta_for_a_user_without_a_balance_is_an_error_and_moves_nothing() {
    let books = Books::open().await;
    let ada = books.user("ada").await;
    let deltas = [(ada.no, credits("1")), (ada.no + 1_000, credits("1"))];
    let result = books.store.tx("deltas", async |tx| ledger::apply_deltas(&tx, &deltas).await).await;
    assert_eq!(result.unwrap_err().class(), ErrorClass::Fatal);
    assert_eq!(balance(&books, ada.id).await, Credits::ZERO);
}

async fn balance(books: &Books, user: UserId) -> Credits {
    books.store.tx("balance", async |tx| balances::of(&tx, user).await).await.unwrap()
}

async fn changed(books: &Books, since: Option<Cursor>) -> (Cursor, Vec<(UserId, Credits)>) {
    let changes = snapshot::load_balances(&books.store, since).await.unwrap();
    (changes.cursor, changes.balances)
}

#[tokio::test]
async fn a_cursor_never_skips_a_transaction_that_commits_late() {
    let books = Books::open().await;
    let (early, late) = (books.user("early").await, books.user("late").await);
    let (start, _) = changed(&books, None).await;
    // `late` changes first and commits last; in between `early` changes, commits and is read.
    let during = books
        .store
        .tx("late", async |tx| {
            ledger::apply_deltas(&tx, &[(late.no, credits("7"))]).await?;
            books.grant("early", "1", "s").await?;
            let (cursor, seen) = changed(&books, Some(start)).await;
            assert!(seen.contains(&(early.id, credits("1"))));
            assert!(!seen.contains(&(late.id, credits("7"))), "only what has committed");
            Ok::<_, StoreError>(cursor)
        })
        .await
        .unwrap();
    let (after, seen) = changed(&books, Some(during)).await;
    assert!(seen.contains(&(late.id, credits("7"))), "the late commit is in the next read: {seen:?}");
    // Rows may come again while older transactions run anywhere on the server, and then no more.
    let mut cursor = after;
    loop {
        let (next, seen) = changed(&books, Some(cursor)).await;
        assert!(next >= cursor, "a cursor never goes back");
        if seen.is_empty() {
            break;
        }
        cursor = next;
    }
}

#[tokio::test]
async fn the_first_read_has_every_balance() {
    let books = Books::open().await;
    let ada = books.user("ada").await;
    books.grant("ada", "3", "s").await.unwrap();
    let (_, all) = changed(&books, None).await;
    assert!(all.contains(&(ada.id, credits("3"))));
    assert!(all.contains(&(UserId::SYSTEM, Credits::ZERO)));
}

#[tokio::test]
async fn a_balance_from_a_restored_dump_of_another_server_comes_once_and_again_when_it_changes() {
    let books = Books::open().await;
    let ada = books.user("ada").await;
    // Of a server that had seen more transactions than this one ever will.
    let restored = async |tx: tollgate_store::Tx| {
        Ok(tx.execute("update user_balances set changed_xid = '1000000000000'::xid8", &[]).await?)
    };
    assert_eq!(books.store.tx("restore", restored).await.unwrap(), 2);
    let (start, all) = changed(&books, None).await;
    assert_eq!(all.len(), 2, "{all:?}");
    let (next, seen) = changed(&books, Some(start)).await;
    assert!(seen.is_empty(), "{seen:?}");
    books.grant("ada", "3", "s").await.unwrap();
    let (_, seen) = changed(&books, Some(next)).await;
    assert_eq!(seen, [(ada.id, credits("3"))]);
}
