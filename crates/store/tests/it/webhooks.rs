//! What webhooks are owed: entered with the money, claimed by one, in order.

use secrecy::SecretString;
use tollgate_domain::WebhookId;
use tollgate_store::movements::MovementKind;
use tollgate_store::webhook_deliveries::{self, Attempted, Claimed, DeliveryFilter, Most};
use tollgate_store::webhooks::{self, NewWebhook};
use tollgate_store::{Tx, ledger, users};

use crate::support::{ACTOR, Books, credits};

async fn webhook(books: &Books, user: Option<&str>) -> WebhookId {
    let new = NewWebhook {
        url: "https://receiver.test/hooks".to_owned(),
        user: user.map(str::to_owned),
        secret: SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        public_only: false,
    };
    let create = async |tx: Tx| webhooks::create(&tx, &books.master, &new, ACTOR).await;
    books.store.tx("webhook", create).await.unwrap().id
}

/// `type user` of what is claimed, with the claims.
async fn claim(books: &Books) -> (Vec<String>, Vec<Claimed>) {
    claim_at_most(books, Most { in_all: 100, per_webhook: 100 }).await
}

async fn claim_at_most(books: &Books, most: Most) -> (Vec<String>, Vec<Claimed>) {
    let mut claimed =
        books.store.tx("claim", async |tx| webhook_deliveries::claim(&tx, most).await).await.unwrap();
    claimed.sort_by_key(|claimed| claimed.no);
    (
        claimed.iter().map(|claimed| format!("{} {}", claimed.event.kind, claimed.event.user)).collect(),
        claimed,
    )
}

async fn end(books: &Books, claimed: &Claimed, error: Option<&str>, again_after_seconds: Option<f64>) {
    let error = error.map(str::to_owned);
    let attempted = Attempted { status: None, error, again_after_seconds };
    books
        .store
        .tx("end", async |tx| webhook_deliveries::ended(&tx, claimed, &attempted).await)
        .await
        .unwrap();
}

async fn states(books: &Books) -> Vec<(String, i32)> {
    let all = DeliveryFilter::default();
    let listed =
        books.store.tx("list", async |tx| webhook_deliveries::list(&tx, &all, 100).await).await.unwrap();
    listed.into_iter().rev().map(|delivery| (delivery.state, delivery.attempts)).collect()
}

#[tokio::test]
async fn an_event_is_entered_with_its_movement_for_each_webhook_that_listens_and_not_without() {
    let books = Books::open().await;
    let ada = books.user("ada").await;
    books.user("bob").await;
    books.grant("ada", "1", "before-anybody-listened").await.unwrap();
    webhook(&books, None).await;
    webhook(&books, Some("ada")).await;
    books.grant("bob", "1", "s-1").await.unwrap();
    books.movement("ada", MovementKind::AdminRemoval, "1", "s-2").await.unwrap();
    // One that is taken back was never told.
    let refused = books
        .store
        .tx("undone", async |tx| {
            ledger::apply_deltas(&tx, &[(ada.no, credits("5"))]).await?;
            users::find(&tx, "nobody").await
        })
        .await;
    refused.unwrap_err();
    let (what, claimed) = claim(&books).await;
    assert_eq!(what, ["balance.refilled bob", "balance.depleted ada", "balance.depleted ada"]);
    assert_eq!(claimed[1].message_id, claimed[2].message_id, "one event, whoever hears of it");
    assert_ne!(claimed[1].webhook, claimed[2].webhook);
    assert_eq!((claimed[1].event.balance_before, claimed[1].event.balance), (credits("1"), credits("0")));
}

#[tokio::test]
async fn what_one_has_claimed_no_other_gets_and_the_next_of_a_user_waits_for_its_end() {
    let books = Books::open().await;
    books.user("ada").await;
    books.user("bob").await;
    webhook(&books, None).await;
    books.grant("ada", "1", "s-1").await.unwrap();
    books.movement("ada", MovementKind::AdminRemoval, "1", "s-2").await.unwrap();
    books.grant("bob", "1", "s-3").await.unwrap();
    // At once: each is claimed by one.
    let ((one, first), (other, second)) = tokio::join!(claim(&books), claim(&books));
    let mut both = [one, other].concat();
    both.sort();
    assert_eq!(both, ["balance.refilled ada", "balance.refilled bob"]);
    assert_eq!(claim(&books).await.0, Vec::<String>::new());
    for claimed in first.iter().chain(&second) {
        // One that fails is not due yet, and what is behind it waits.
        let failed = claimed.event.user == "ada";
        end(&books, claimed, failed.then_some("it answered 500"), failed.then_some(3600.0)).await;
    }
    assert_eq!(claim(&books).await.0, Vec::<String>::new());
    let state = |state: &str, attempts| (state.to_owned(), attempts);
    assert_eq!(states(&books).await, [state("waiting", 1), state("waiting", 0), state("delivered", 1)]);
    let later = "update webhook_deliveries set next_attempt_at = clock_timestamp()";
    books.store.tx("later", async |tx| Ok(tx.batch_execute(later).await?)).await.unwrap();
    let (what, again) = claim(&books).await;
    assert_eq!((what, again[0].attempt), (vec!["balance.refilled ada".to_owned()], 2));
    // Given up, it lets the next one pass.
    end(&books, &again[0], Some("it answered 500"), None).await;
    let (what, next) = claim(&books).await;
    assert_eq!(what, ["balance.depleted ada"]);
    end(&books, &next[0], None, None).await;
    assert_eq!(states(&books).await, [state("given_up", 2), state("delivered", 1), state("delivered", 1)]);
}

#[tokio::test]
async fn what_a_dead_one_had_claimed_the_next_one_gets_and_a_late_answer_of_the_dead_counts_nothing() {
    let books = Books::open().await;
    books.user("ada").await;
    webhook(&books, None).await;
    books.grant("ada", "1", "s-1").await.unwrap();
    let (_, dead) = claim(&books).await;
    let later = "update webhook_deliveries set claimed_until = clock_timestamp() - interval '1 second'";
    books.store.tx("later", async |tx| Ok(tx.batch_execute(later).await?)).await.unwrap();
    let (_, next) = claim(&books).await;
    assert_eq!(
        (next[0].message_id, next[0].attempt),
        (dead[0].message_id, 1),
        "what was cut off is no attempt"
    );
    end(&books, &dead[0], Some("it broke"), None).await;
    assert_eq!(states(&books).await, [("waiting".to_owned(), 0)]);
    end(&books, &next[0], None, None).await;
    assert_eq!(states(&books).await, [("delivered".to_owned(), 1)]);
    let backlog = books.store.tx("backlog", async |tx| webhook_deliveries::backlog(&tx).await).await.unwrap();
    assert_eq!((backlog.waiting, backlog.oldest_seconds), (0, 0.0));
    let forget = async |tx: Tx| webhook_deliveries::forget(&tx, 30).await;
    assert_eq!(books.store.tx("forget", forget).await.unwrap(), 0);
    let long_ago = "update webhook_deliveries set ended_at = ended_at - interval '31 days'";
    books.store.tx("long ago", async |tx| Ok(tx.batch_execute(long_ago).await?)).await.unwrap();
    assert_eq!(books.store.tx("forget", forget).await.unwrap(), 1);
}

#[tokio::test]
async fn a_removed_webhook_is_owed_nothing() {
    let books = Books::open().await;
    books.user("ada").await;
    let id = webhook(&books, None).await;
    books.grant("ada", "1", "s-1").await.unwrap();
    books.store.tx("remove", async |tx| webhooks::remove(&tx, id, ACTOR).await).await.unwrap();
    books.movement("ada", MovementKind::AdminRemoval, "1", "s-2").await.unwrap();
    assert_eq!(claim(&books).await.0, Vec::<String>::new());
    assert_eq!(states(&books).await, [("given_up".to_owned(), 0)]);
    let again = books.store.tx("remove", async |tx| webhooks::remove(&tx, id, ACTOR).await).await;
    assert!(again.unwrap_err().to_string().contains("there is no webhook"));
}

#[tokio::test]
async fn what_is_entered_for_a_webhook_after_its_removal_is_never_claimed_and_given_up() {
    let books = Books::open().await;
    books.user("ada").await;
    let id = webhook(&books, None).await;
    books.grant("ada", "1", "s-1").await.unwrap();
    books.store.tx("remove", async |tx| webhooks::remove(&tx, id, ACTOR).await).await.unwrap();
    // As a flush leaves it that began before the removal and ended after it.
    let unseen = "update webhook_deliveries set ended_at = null, outcome = null, last_error = null";
    books.store.tx("unseen", async |tx| Ok(tx.batch_execute(unseen).await?)).await.unwrap();
    assert_eq!(claim(&books).await.0, Vec::<String>::new());
    let backlog = books.store.tx("backlog", async |tx| webhook_deliveries::backlog(&tx).await).await.unwrap();
    assert_eq!(backlog.waiting, 0);
    let trimmed = books.store.tx("trim", async |tx| webhook_deliveries::trim(&tx, 1000).await).await.unwrap();
    assert_eq!((trimmed, states(&books).await), (0, vec![("given_up".to_owned(), 0)]));
}

#[tokio::test]
async fn of_one_webhook_no_more_is_claimed_at_once_than_it_may_whoever_claims() {
    let books = Books::open().await;
    for name in ["ada", "bob", "cleo"] {
        books.user(name).await;
    }
    webhook(&books, None).await;
    webhook(&books, Some("cleo")).await;
    for name in ["ada", "bob", "cleo"] {
        books.grant(name, "1", &format!("s-{name}")).await.unwrap();
    }
    let two = Most { in_all: 100, per_webhook: 2 };
    let (what, first) = claim_at_most(&books, two).await;
    assert_eq!(what, ["balance.refilled ada", "balance.refilled bob", "balance.refilled cleo"]);
    assert_ne!(first[1].webhook, first[2].webhook, "the other webhook does not wait for this one");
    assert_eq!(claim_at_most(&books, two).await.0, Vec::<String>::new());
    end(&books, &first[0], None, None).await;
    assert_eq!(claim_at_most(&books, two).await.0, ["balance.refilled cleo"]);
    let one = Most { in_all: 0, per_webhook: 100 };
    assert_eq!(claim_at_most(&books, one).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn when_a_webhook_takes_one_what_waits_for_its_return_is_tried_soon() {
    let books = Books::open().await;
    books.user("ada").await;
    let (dead, other) = (webhook(&books, None).await, webhook(&books, None).await);
    books.grant("ada", "1", "s-1").await.unwrap();
    for claimed in claim(&books).await.1 {
        end(&books, &claimed, Some("it answered 500"), Some(86_400.0)).await;
    }
    let wake = async |id, seconds| {
        let wake = async |tx: Tx| webhook_deliveries::wake(&tx, id, seconds).await;
        books.store.tx("wake", wake).await.unwrap()
    };
    assert_eq!(wake(dead, 3600.0).await, 1);
    assert_eq!((wake(dead, 3600.0).await, claim(&books).await.0), (0, vec![]), "not at once");
    assert_eq!(wake(dead, 0.0).await, 1);
    let (_, again) = claim(&books).await;
    assert_eq!((again.len(), again[0].webhook, again[0].attempt), (1, dead, 2));
    assert_ne!(dead, other);
}

#[tokio::test]
async fn of_more_that_wait_than_are_kept_the_oldest_of_each_webhook_and_user_are_given_up() {
    let books = Books::open().await;
    books.user("ada").await;
    books.user("bob").await;
    webhook(&books, None).await;
    for round in 0..3 {
        books.grant("ada", "1", &format!("grant-{round}")).await.unwrap();
        books.movement("ada", MovementKind::AdminRemoval, "1", &format!("removal-{round}")).await.unwrap();
    }
    books.grant("bob", "1", "s-bob").await.unwrap();
    let trim =
        async || books.store.tx("trim", async |tx| webhook_deliveries::trim(&tx, 2).await).await.unwrap();
    assert_eq!(trim().await, 4);
    assert_eq!(trim().await, 0);
    let waiting = states(&books).await.iter().map(|(state, _)| state == "waiting").collect::<Vec<_>>();
    assert_eq!(waiting, [false, false, false, false, true, true, true]);
    assert_eq!(claim(&books).await.0, ["balance.refilled ada", "balance.refilled bob"]);
}
